package dev.slipway.todo;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;

/**
 * The database, by JDBC: GridDB, or H2 in its place, with the SQL that both understand.
 *
 * <p>Each action has a connection of its own: GridDB's driver resolves the server's address only when it connects and
 * repeats a failed statement at the old one for minutes, which a pod that came back elsewhere never answers.
 */
final class Database {
    private static final int STATEMENT_SECONDS = 3;
    // 200 characters of a title may be 400 units of UTF-16, which is what H2 counts; GridDB takes any length.
    private static final String[] TABLES = {
        "CREATE TABLE IF NOT EXISTS todos (id VARCHAR(64) PRIMARY KEY, owner VARCHAR(256) NOT NULL,"
                + " title VARCHAR(400) NOT NULL, done BOOL NOT NULL, created BIGINT NOT NULL)",
        "CREATE INDEX IF NOT EXISTS todos_owner ON todos (owner)",
    };

    private final String url;
    private final String user;
    private final String password;
    private volatile boolean prepared;

    /** What is done with a connection. */
    interface Action<T, E extends Exception> {
        T with(Connection connection) throws SQLException, E;
    }

    Database(String url, String user, String password) {
        this.url = url;
        this.user = user;
        this.password = password;
    }

    /**
     * Acts on a connection of its own.
     *
     * @throws Refusal 503 if the database does not answer; its words are in the log.
     * @throws E what the action itself throws.
     */
    <T, E extends Exception> T act(Action<T, E> action) throws Refusal, E {
        try (Connection connection = DriverManager.getConnection(url, user, password)) {
            if (!prepared) {
                for (String table : TABLES) {
                    try (Statement statement = connection.createStatement()) {
                        statement.execute(table);
                    }
                }
                prepared = true;
            }
            return action.with(connection);
        } catch (SQLException error) {
            // An empty database may have taken the place of the one whose tables were made.
            prepared = false;
            Log.event("database", "code", error.getErrorCode(), "error", error.getMessage());
            throw new Refusal(503, "the database does not answer; try again in a moment");
        }
    }

    /** A statement that ends in time. The caller closes it. */
    static PreparedStatement prepare(Connection connection, String sql, Object... values) throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        try {
            statement.setQueryTimeout(STATEMENT_SECONDS);
            for (int at = 0; at < values.length; at++) {
                if (values[at] instanceof String text) {
                    statement.setString(at + 1, text);
                } else if (values[at] instanceof Boolean flag) {
                    statement.setBoolean(at + 1, flag);
                } else {
                    statement.setLong(at + 1, (Long) values[at]);
                }
            }
            return statement;
        } catch (SQLException | RuntimeException error) {
            statement.close();
            throw error;
        }
    }
}
