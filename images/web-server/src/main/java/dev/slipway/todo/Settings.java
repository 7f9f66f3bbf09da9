package dev.slipway.todo;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What the environment says.
 *
 * @param port PORT, 8000 by default.
 * @param authUrl AUTH_URL, where tokens are issued.
 * @param tokenKey TOKEN_KEY, shared with auth.
 * @param jdbcUrl JDBC_URL: which database, and by its scheme which kind.
 * @param jdbcUser JDBC_USER.
 * @param jdbcPassword JDBC_PASSWORD.
 */
record Settings(
        int port, URI authUrl, byte[] tokenKey, String jdbcUrl, String jdbcUser, String jdbcPassword) {
    /** RFC 7518, 3.2: a key for HS256 has at least the hash's 256 bits. */
    private static final int KEY_BYTES = 32;

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
        int port = port(environment.getOrDefault("PORT", "8000"), problems);
        URI authUrl = http(environment.getOrDefault("AUTH_URL", "http://auth:2828"), problems);
        byte[] key = required(environment, "TOKEN_KEY", problems).getBytes(StandardCharsets.UTF_8);
        if (key.length > 0 && key.length < KEY_BYTES) {
            problems.add("TOKEN_KEY has " + key.length + " bytes; a key for HS256 has " + KEY_BYTES + " or more");
        }
        String url = required(environment, "JDBC_URL", problems);
        if (!url.isEmpty() && !url.startsWith("jdbc:gs://") && !url.startsWith("jdbc:h2:")) {
            // The value is not shown: people put passwords into URLs.
            problems.add("JDBC_URL is neither GridDB's (jdbc:gs://host:20001/cluster/public) nor H2's"
                    + " (jdbc:h2:tcp://host:20001/todo)");
        }
        String user = required(environment, "JDBC_USER", problems);
        String password = required(environment, "JDBC_PASSWORD", problems);
        if (!problems.isEmpty()) {
            throw new Wrong(problems);
        }
        return new Settings(port, authUrl, key, url, user, password);
    }

    /** Without what is secret, so that it cannot get into a log. */
    @Override
    public String toString() {
        return "Settings[port=" + port + ", authUrl=" + authUrl + "]";
    }

    private static int port(String text, List<String> problems) {
        if (text.matches("[0-9]{1,5}")) {
            int port = Integer.parseInt(text);
            if (port > 0 && port < 65536) {
                return port;
            }
        }
        problems.add("PORT='" + text + "' is not a port; a port is a number from 1 to 65535");
        return 0;
    }

    private static URI http(String text, List<String> problems) {
        try {
            URI url = URI.create(text);
            if (("http".equals(url.getScheme()) || "https".equals(url.getScheme())) && url.getHost() != null) {
                return url;
            }
        } catch (IllegalArgumentException none) {
            // Told below.
        }
        problems.add("AUTH_URL='" + text + "': write http://host:port");
        return null;
    }

    private static String required(Map<String, String> environment, String name, List<String> problems) {
        String value = environment.getOrDefault(name, "");
        if (value.isEmpty()) {
            problems.add(name + " is not set");
        }
        return value;
    }
}
