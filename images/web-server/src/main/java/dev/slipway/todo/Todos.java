package dev.slipway.todo;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/** The todos of each user. One on the wire is {@code {"id", "title", "done", "created"}}, the time in seconds. */
final class Todos {
    private static final int MAX_TITLE = 200;
    private static final double MICROS = 1e6;
    // A driver that got no answer sends an INSERT again and then finds its own row: GridDB's 60154, H2's 23505.
    private static final Set<Integer> DUPLICATE_KEY = Set.of(60154, 23505);

    private final Database database;

    Todos(Database database) {
        this.database = database;
    }

    /** Writes all of a user's, the oldest first, and closes the stream; it stays open where some are missing. */
    void list(String owner, OutputStream out) throws Refusal, IOException {
        String sql = "SELECT id, title, done, created FROM todos WHERE owner = ? ORDER BY created, id";
        database.<Void, IOException>act(connection -> {
            try (PreparedStatement statement = Database.prepare(connection, sql, owner);
                    ResultSet rows = statement.executeQuery()) {
                // Not closed by an error: that would make a whole answer of the rows so far.
                JsonGenerator json = Json.MAPPER.createGenerator(out);
                json.writeStartObject();
                json.writeArrayFieldStart("todos");
                while (rows.next()) {
                    json.writeTree(todo(rows));
                }
                json.writeEndArray();
                json.writeEndObject();
                json.close();
            }
            return null;
        });
    }

    /** Adds one and returns it. */
    JsonNode add(String owner, JsonNode body) throws Refusal {
        String title = title(body);
        String id = UUID.randomUUID().toString();
        long created = ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now());
        String sql = "INSERT INTO todos (id, owner, title, done, created) VALUES (?, ?, ?, ?, ?)";
        return database.<JsonNode, Refusal>act(connection -> {
            try {
                update(connection, sql, id, owner, title, false, created);
            } catch (SQLException error) {
                if (!DUPLICATE_KEY.contains(error.getErrorCode())) {
                    throw error;
                }
            }
            return todo(id, title, false, created);
        });
    }

    /** Changes the title, or whether it is done, and returns the todo. */
    JsonNode change(String owner, String id, JsonNode body) throws Refusal {
        List<Object> values = new ArrayList<>();
        List<String> columns = new ArrayList<>();
        if (body.has("title")) {
            columns.add("title = ?");
            values.add(title(body));
        }
        if (body.has("done")) {
            if (!body.get("done").isBoolean()) {
                throw new Refusal(400, "done is true or false");
            }
            columns.add("done = ?");
            values.add(body.get("done").booleanValue());
        }
        if (columns.isEmpty()) {
            throw new Refusal(400, "send title or done");
        }
        values.add(id);
        values.add(owner);
        String change = "UPDATE todos SET " + String.join(", ", columns) + " WHERE id = ? AND owner = ?";
        String select = "SELECT id, title, done, created FROM todos WHERE id = ? AND owner = ?";
        return database.<JsonNode, Refusal>act(connection -> {
            update(connection, change, values.toArray());
            try (PreparedStatement statement = Database.prepare(connection, select, id, owner);
                    ResultSet rows = statement.executeQuery()) {
                if (!rows.next()) {
                    throw missing(id);
                }
                return todo(rows);
            }
        });
    }

    /** Removes one. */
    void remove(String owner, String id) throws Refusal {
        database.<Void, Refusal>act(connection -> {
            if (update(connection, "DELETE FROM todos WHERE id = ? AND owner = ?", id, owner) == 0) {
                throw missing(id);
            }
            return null;
        });
    }

    /** Whether every database keeps a text as it is: no control characters, no half of a surrogate pair. */
    static boolean storable(String text) {
        return text.codePoints()
                .noneMatch(point -> Character.isISOControl(point) || Character.getType(point) == Character.SURROGATE);
    }

    private static String title(JsonNode body) throws Refusal {
        String title = body.path("title").asText().strip();
        if (!body.path("title").isTextual() || title.isEmpty()
                || title.codePointCount(0, title.length()) > MAX_TITLE) {
            throw new Refusal(400, "title is missing, empty or longer than " + MAX_TITLE + " characters");
        }
        if (!storable(title)) {
            throw new Refusal(400, "title has a character that is no text: a line break, another control character,"
                    + " or half of an emoji");
        }
        return title;
    }

    private static int update(Connection connection, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = Database.prepare(connection, sql, values)) {
            return statement.executeUpdate();
        }
    }

    private static Refusal missing(String id) {
        return new Refusal(404, "there is no todo " + id);
    }

    private static JsonNode todo(ResultSet row) throws SQLException {
        return todo(row.getString(1), row.getString(2), row.getBoolean(3), row.getLong(4));
    }

    private static ObjectNode todo(String id, String title, boolean done, long created) {
        // What is no text in a row, whoever wrote it, must not make the whole list unreadable.
        String text = new String(String.valueOf(title).getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
        return Json.object().put("id", id).put("title", text).put("done", done).put("created", created / MICROS);
    }
}
