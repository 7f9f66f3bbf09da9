package dev.slipway.example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.Test;

final class DriverTest {
    private static final Connection CONNECTION = (Connection) Proxy.newProxyInstance(
            DriverTest.class.getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, arguments) -> null);

    private final List<Properties> tried = new ArrayList<>();

    /** Connects, or fails for an attempt to encrypt in the way told. */
    private Connection open(String url, String failure) throws Exception {
        Settings settings = Settings.from(
                Map.of("DB_URL", url, "DB_USER_NAME", "test_user", "DB_USER_PASSWORD", "s3cret"));
        return new Driver(settings, (given, properties) -> {
            tried.add(properties);
            if (failure != null && properties.containsKey("sslMode")) {
                throw new SQLException("Socket error", new SQLException(failure));
            }
            return CONNECTION;
        }).open();
    }

    @Test
    void aConnectionIsEncryptedWhereTheDatabaseCan() throws Exception {
        open("jdbc:mysql://h/d", null);
        assertEquals(1, tried.size());
        assertEquals("trust", tried.get(0).getProperty("sslMode"));
        assertEquals("s3cret", tried.get(0).getProperty("password"));
    }

    @Test
    void aDatabaseWithoutEncryptionIsReadAsWell() throws Exception {
        open("jdbc:mysql://h/d", "Trying to connect with ssl, but ssl not enabled in the server");
        assertEquals(2, tried.size());
        assertNull(tried.get(1).getProperty("sslMode"));
        assertEquals("s3cret", tried.get(1).getProperty("password"));
    }

    @Test
    void noOtherFailureLeadsToAPlainConnection() {
        assertThrows(SQLException.class, () -> open("jdbc:mysql://h/d", "Access denied for user"));
        assertThrows(SQLException.class, () -> open("jdbc:mysql://h/d", "Received fatal alert: handshake_failure"));
        assertEquals(2, tried.size());
    }

    @Test
    void whatTheUrlSaysOfEncryptionIsKept() throws Exception {
        for (String option : List.of("sslMode=verify-full", "useSSL=false", "a=b&sslMode=disable")) {
            tried.clear();
            open("jdbc:mysql://h/d?" + option, "any failure");
            assertEquals(1, tried.size());
            assertNull(tried.get(0).getProperty("sslMode"));
        }
    }
}
