package dev.slipway.example;

import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The table in MySQL or MariaDB. */
record SqlMessages(ConnectionPool pool) implements Messages {
    @Override
    public List<Message> all() throws SQLException {
        return pool.with(connection -> {
            try (var query = connection.prepareStatement("SELECT id, body FROM messages ORDER BY id DESC LIMIT ?")) {
                query.setInt(1, LIMIT);
                List<Message> messages = new ArrayList<>();
                try (var rows = query.executeQuery()) {
                    while (rows.next()) {
                        messages.add(new Message(rows.getLong(1), rows.getString(2)));
                    }
                }
                Collections.reverse(messages);
                return messages;
            }
        });
    }

    @Override
    public Message add(String body) throws SQLException {
        return pool.with(connection -> {
            String insertion = "INSERT INTO messages (body) VALUES (?)";
            try (var insert = connection.prepareStatement(insertion, Statement.RETURN_GENERATED_KEYS)) {
                insert.setString(1, body);
                insert.executeUpdate();
                try (var keys = insert.getGeneratedKeys()) {
                    if (!keys.next()) {
                        throw new SQLException("the database gave the new row no id");
                    }
                    return new Message(keys.getLong(1), body);
                }
            }
        });
    }

    @Override
    public void check() throws SQLException {
        pool.with(connection -> {
            try (var query = connection.prepareStatement("SELECT 1"); var rows = query.executeQuery()) {
                return rows.next();
            }
        });
    }
}
