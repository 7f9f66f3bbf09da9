package dev.slipway.h2;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Base64;
import java.util.Map;
import org.h2.tools.Server;

/**
 * Starts H2's server with one database, whose user has at each start the password that the environment says.
 *
 * <p>The directory's own administrator, whose password lies beside the data and is used here alone, sets it. The user
 * may make and use tables and nothing else: an administrator of H2 could run programs.
 */
public final class Start {
    private static final String DATABASE = "todo";

    private Start() {}

    /**
     * Returns when the server listens; it goes on until the process ends, which closes the database.
     *
     * @param arguments none; the environment has H2_HOME, H2_PORT, H2_USER and H2_PASSWORD.
     */
    public static void main(String[] arguments) throws IOException, SQLException {
        Map<String, String> environment = System.getenv();
        Path home = Path.of(environment.getOrDefault("H2_HOME", "/var/lib/gridstore/h2")).toAbsolutePath();
        String user = environment.getOrDefault("H2_USER", "admin");
        String password = environment.getOrDefault("H2_PASSWORD", "");
        if (password.isEmpty() || !user.matches("[a-z][a-z0-9_]*")) {
            System.err.println("error: H2_PASSWORD is not set, or H2_USER is no name in small letters");
            System.exit(1);
        }
        Files.createDirectories(home);
        open(home, user, password);
        String port = environment.getOrDefault("H2_PORT", "20001");
        // Without -ifNotExists, which would let anybody make databases.
        Server.createTcpServer("-tcpPort", port, "-tcpAllowOthers", "-baseDir", home.toString()).start();
        System.out.println("H2 listens on port " + port);
    }

    /** Opens the database, which is made where there is none, and sets the user's password. */
    static void open(Path home, String user, String password) throws IOException, SQLException {
        // What is acknowledged is on the disk (by itself H2 writes up to half a second later), and the database stays
        // open while this process lives.
        String url = "jdbc:h2:file:" + home.resolve(DATABASE) + ";WRITE_DELAY=0;DB_CLOSE_DELAY=-1";
        try (Connection connection = DriverManager.getConnection(url, "owner", ownersPassword(home));
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE USER IF NOT EXISTS " + user + " PASSWORD ''");
            try (PreparedStatement change = connection.prepareStatement("ALTER USER " + user + " SET PASSWORD ?")) {
                change.setString(1, password);
                change.execute();
            }
            statement.execute("GRANT ALTER ANY SCHEMA TO " + user);
            statement.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA PUBLIC TO " + user);
        }
    }

    private static String ownersPassword(Path home) throws IOException {
        Path file = home.resolve("owner");
        if (!Files.exists(file)) {
            byte[] drawn = new byte[24];
            new SecureRandom().nextBytes(drawn);
            Path draft = home.resolve("owner.new");
            Files.deleteIfExists(draft);
            Files.createFile(draft, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            Files.writeString(draft, Base64.getUrlEncoder().encodeToString(drawn), StandardOpenOption.SYNC);
            Files.move(draft, file);
        }
        return Files.readString(file);
    }
}
