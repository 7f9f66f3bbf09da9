package dev.slipway.example;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.Locale;
import java.util.Properties;

/**
 * Connections of the MariaDB driver, which resolves the host's name for each new one.
 *
 * <p>As MySQL's own driver does, it encrypts where the database can: managed databases want that, and one in the cluster may
 * not be able to. Whoever wants more, such as a checked certificate, says so in the URL (sslMode=verify-full).
 */
final class Driver implements ConnectionPool.Opener {
    /** What of a JDBC driver is used. */
    interface Connector {
        Connection connect(String url, Properties properties) throws SQLException;
    }

    private final Settings settings;
    private final Connector connector;

    Driver(Settings settings, Connector connector) {
        this.settings = settings;
        this.connector = connector;
    }

    @Override
    public Connection open() throws SQLException {
        if (settings.hasOption("sslMode") || settings.hasOption("useSsl") || settings.hasOption("useSSL")) {
            return connect(settings.properties());
        }
        Properties encrypted = settings.properties();
        encrypted.setProperty("sslMode", "trust");
        try {
            return connect(encrypted);
        } catch (SQLException error) {
            if (!lacksEncryption(error)) {
                throw error;
            }
            return connect(settings.properties());
        }
    }

    private Connection connect(Properties properties) throws SQLException {
        Connection connection = connector.connect(settings.url(), properties);
        if (connection == null) {
            throw new SQLException("the driver does not know the kind of DB_URL");
        }
        return connection;
    }

    /** The driver's words for a server without TLS; it has no code of its own for that. */
    private static boolean lacksEncryption(SQLException error) {
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            String message = cause.getMessage();
            if (message != null && message.toLowerCase(Locale.ROOT).contains("ssl not enabled in the server")) {
                return true;
            }
        }
        return false;
    }
}
