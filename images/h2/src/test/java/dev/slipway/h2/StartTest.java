package dev.slipway.h2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class StartTest {
    @TempDir
    Path home;

    private Connection connect(String user, String password) throws SQLException {
        return DriverManager.getConnection("jdbc:h2:file:" + home.resolve("todo"), user, password);
    }

    private void close() throws Exception {
        try (Connection owner = connect("owner", Files.readString(home.resolve("owner")));
                Statement statement = owner.createStatement()) {
            statement.execute("SHUTDOWN");
        }
    }

    @Test
    void eachStartSetsThePasswordAndKeepsTheRows() throws Exception {
        Start.open(home, "admin", "first '\"\\ password");
        try (Connection connection = connect("admin", "first '\"\\ password");
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE IF NOT EXISTS t (id VARCHAR(64) PRIMARY KEY)");
            statement.execute("INSERT INTO t VALUES ('kept')");
        }
        close();
        Start.open(home, "admin", "second");
        assertThrows(SQLException.class, () -> connect("admin", "first '\"\\ password"));
        try (Connection connection = connect("admin", "second");
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT id FROM t")) {
            assertTrue(rows.next());
            assertEquals("kept", rows.getString(1));
        }
        close();
    }

    @Test
    void theUserCannotRunPrograms() throws Exception {
        Start.open(home, "admin", "secret");
        try (Connection connection = connect("admin", "secret");
                Statement statement = connection.createStatement()) {
            assertThrows(SQLException.class, () -> statement.execute(
                    "CREATE ALIAS run FOR \"java.lang.System.getProperty\""));
            assertThrows(SQLException.class, () -> statement.execute("CREATE USER other PASSWORD 'x'"));
        }
        close();
    }

    @Test
    void theAdministratorsPasswordIsForTheServerAlone() throws Exception {
        Start.open(home, "admin", "secret");
        close();
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(home.resolve("owner"))));
    }
}
