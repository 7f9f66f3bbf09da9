package dev.slipway.example;

import java.sql.SQLException;
import java.util.List;

/** The table {@code messages(id, body)}. */
interface Messages {
    /** Rows that one answer holds at most, the newest. */
    int LIMIT = 1000;

    /** Characters that a body has at most. */
    int BODY = 255;

    /** A row. */
    record Message(long id, String body) {}

    /** The rows by id. */
    List<Message> all() throws SQLException;

    /** A new row, stored. */
    Message add(String body) throws SQLException;

    /** Whether the database answers: returns, or throws. */
    void check() throws SQLException;
}
