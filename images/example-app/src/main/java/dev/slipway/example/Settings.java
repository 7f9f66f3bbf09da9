package dev.slipway.example;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Pattern;

/**
 * What the environment says.
 *
 * @param port SERVER_PORT, 3000 by default.
 * @param url DB_URL in the driver's own spelling.
 * @param user DB_USER_NAME.
 * @param password DB_USER_PASSWORD.
 */
record Settings(int port, String url, String user, String password) {
    private static final Pattern URL = Pattern.compile("jdbc:(?:mysql|mariadb)://([^/?\\s]+)/([^?\\s]+)(\\?\\S*)?");

    /** One message that names every wrong variable. */
    static final class Wrong extends Exception {
        private static final long serialVersionUID = 1L;

        Wrong(List<String> problems) {
            super(String.join("; ", problems));
        }
    }

    /**
     * Reads the settings.
     *
     * @throws Wrong if a variable is missing or wrong.
     */
    static Settings from(Map<String, String> environment) throws Wrong {
        List<String> problems = new ArrayList<>();
        int port = port(environment.getOrDefault("SERVER_PORT", "3000"), problems);
        String url = environment.getOrDefault("DB_URL", "");
        var parts = URL.matcher(url);
        if (parts.matches()) {
            // MySQL's scheme is the tutorial's; MariaDB's driver speaks the same protocol under its own name.
            String options = parts.group(3) == null ? "" : parts.group(3);
            url = "jdbc:mariadb://" + parts.group(1) + "/" + parts.group(2) + options;
        } else {
            // The value is not shown: people put passwords into URLs.
            problems.add("DB_URL is not of the form jdbc:mysql://host:3306/database");
        }
        String user = required(environment, "DB_USER_NAME", problems);
        String password = required(environment, "DB_USER_PASSWORD", problems);
        if (!problems.isEmpty()) {
            throw new Wrong(problems);
        }
        return new Settings(port, url, user, password);
    }

    /** Properties of a connection; what the URL says itself comes first. */
    Properties properties() {
        Properties properties = new Properties();
        properties.setProperty("user", user);
        properties.setProperty("password", password);
        Map.of("connectTimeout", "2000", "socketTimeout", "5000").forEach((name, milliseconds) -> {
            if (!hasOption(name)) {
                properties.setProperty(name, milliseconds);
            }
        });
        return properties;
    }

    /** Whether the URL has this option. */
    boolean hasOption(String name) {
        return url.contains("?" + name + "=") || url.contains("&" + name + "=");
    }

    /** Without the password, so that it cannot get into a log. */
    @Override
    public String toString() {
        return "Settings[port=" + port + ", url=" + url.replaceFirst("\\?.*", "") + ", user=" + user + "]";
    }

    private static int port(String text, List<String> problems) {
        if (text.matches("\\d{1,5}")) {
            int port = Integer.parseInt(text);
            if (port > 0 && port < 65536) {
                return port;
            }
        }
        problems.add("SERVER_PORT=" + text + " is not a port; a port is a number from 1 to 65535");
        return 0;
    }

    private static String required(Map<String, String> environment, String name, List<String> problems) {
        String value = environment.getOrDefault(name, "");
        if (value.isEmpty()) {
            problems.add(name + " is not set");
        }
        return value;
    }
}
