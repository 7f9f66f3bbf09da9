package dev.slipway.todo;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** One line of JSON on standard output per event. */
final class Log {
    private Log() {}

    /**
     * Writes an event.
     *
     * @param name what happened.
     * @param fields names and values, in turn.
     */
    static void event(String name, Object... fields) {
        ObjectNode line = Json.object();
        line.put("time", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString()).put("event", name);
        for (int at = 0; at < fields.length; at += 2) {
            line.putPOJO((String) fields[at], fields[at + 1]);
        }
        System.out.println(new String(Json.bytes(line), StandardCharsets.UTF_8));
    }
}
