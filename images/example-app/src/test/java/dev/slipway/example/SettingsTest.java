package dev.slipway.example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SettingsTest {
    private static Settings with(String url) throws Settings.Wrong {
        return Settings.from(Map.of("DB_URL", url, "DB_USER_NAME", "test_user", "DB_USER_PASSWORD", "s3cret"));
    }

    @ParameterizedTest
    @CsvSource({
        "jdbc:mysql://mysql-service:3306/example,            jdbc:mariadb://mysql-service:3306/example",
        "jdbc:mysql://mysql-service:3306/...,                jdbc:mariadb://mysql-service:3306/...",
        "jdbc:mysql://mysql-service/my-db_1,                 jdbc:mariadb://mysql-service/my-db_1",
        "jdbc:mariadb://h:1/d?sslMode=trust,                 jdbc:mariadb://h:1/d?sslMode=trust",
        "jdbc:mysql://h:3306/d?useSSL=false&connectTimeout=9, jdbc:mariadb://h:3306/d?useSSL=false&connectTimeout=9",
    })
    void aMysqlUrlIsUnderstood(String given, String expected) throws Settings.Wrong {
        assertEquals(expected, with(given).url());
        assertTrue(org.mariadb.jdbc.Configuration.acceptsUrl(expected), "the driver takes it");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "mysql://h/d", "jdbc:postgresql://h/d", "jdbc:mysql://h:3306/", "jdbc:mysql:///d", "x"})
    void anyOtherUrlIsRefused(String url) {
        Settings.Wrong wrong = assertThrows(Settings.Wrong.class, () -> with(url));
        assertTrue(wrong.getMessage().contains("DB_URL is not of the form"), wrong.getMessage());
    }

    @Test
    void everyMistakeIsTold() {
        Settings.Wrong wrong = assertThrows(Settings.Wrong.class,
                () -> Settings.from(Map.of("SERVER_PORT", "99999", "DB_URL", "jdbc:mysql://root:hunter2@/")));
        for (String name : new String[] {"SERVER_PORT=99999", "DB_URL", "DB_USER_NAME", "DB_USER_PASSWORD"}) {
            assertTrue(wrong.getMessage().contains(name), wrong.getMessage());
        }
        assertFalse(wrong.getMessage().contains("hunter2"), "a URL with a password is not shown");
    }

    @Test
    void thePortHasADefault() throws Settings.Wrong {
        assertEquals(3000, with("jdbc:mysql://h/d").port());
    }

    @Test
    void timeoutsAreShortUnlessTheUrlSaysOtherwise() throws Settings.Wrong {
        assertEquals("2000", with("jdbc:mysql://h/d").properties().getProperty("connectTimeout"));
        var own = with("jdbc:mysql://h/d?connectTimeout=9").properties();
        assertFalse(own.containsKey("connectTimeout"));
        assertEquals("5000", own.getProperty("socketTimeout"));
    }

    @Test
    void thePasswordIsNotPrinted() throws Settings.Wrong {
        Settings settings = with("jdbc:mysql://h/d?password=other");
        assertFalse(settings.toString().contains("s3cret"));
        assertFalse(settings.toString().contains("other"));
    }
}
