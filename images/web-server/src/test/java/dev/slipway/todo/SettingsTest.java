package dev.slipway.todo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class SettingsTest {
    private static Map<String, String> right(String url) {
        return new HashMap<>(Map.of("TOKEN_KEY", "k".repeat(32), "JDBC_URL", url, "JDBC_USER", "admin",
                "JDBC_PASSWORD", "s3cret"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"jdbc:gs://griddb-server:20001/myCluster/public", "jdbc:h2:tcp://griddb-server:20001/./todo"})
    void theUrlChoosesTheDatabase(String url) throws Exception {
        Settings settings = Settings.from(right(url));
        assertEquals(8000, settings.port());
        assertEquals("http://auth:2828/token", settings.authUrl().resolve("/token").toString());
        assertTrue(java.sql.DriverManager.getDriver(url).acceptsURL(url), "a driver takes it");
        assertFalse(settings.toString().contains("s3cret"));
    }

    @Test
    void everyMistakeIsTold() {
        Settings.Wrong wrong = assertThrows(Settings.Wrong.class, () -> Settings.from(Map.of("PORT", "x", "AUTH_URL",
                "auth:2828", "JDBC_URL", "jdbc:mysql://root:hunter2@h/d", "TOKEN_KEY", "short")));
        for (String part : new String[] {"PORT='x' is not a port", "AUTH_URL='auth:2828'", "JDBC_URL is neither",
            "JDBC_USER is not set", "JDBC_PASSWORD is not set", "TOKEN_KEY has 5 bytes"}) {
            assertTrue(wrong.getMessage().contains(part), wrong.getMessage());
        }
        assertFalse(wrong.getMessage().contains("hunter2"), "a URL with a password is not shown");
    }
}
