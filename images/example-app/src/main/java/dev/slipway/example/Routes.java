package dev.slipway.example;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.pekko.event.LoggingAdapter;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.StatusCode;
import org.apache.pekko.http.javadsl.model.StatusCodes;
import org.apache.pekko.http.javadsl.server.AllDirectives;
import org.apache.pekko.http.javadsl.server.Route;
import org.apache.pekko.http.javadsl.unmarshalling.Unmarshaller;

/** What the server answers. Waiting for the database happens on threads of its own. */
final class Routes extends AllDirectives implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration READY_WITHIN = Duration.ofSeconds(2);
    private static final int THREADS = 8;
    private static final int WAITING = 64;

    private record Page(String hostname, List<Messages.Message> messages) {}

    private interface Query {
        HttpResponse run() throws SQLException;
    }

    private final Messages messages;
    private final String hostname;
    private final LoggingAdapter log;
    private final ThreadPoolExecutor database = new ThreadPoolExecutor(
            THREADS, THREADS, 1, TimeUnit.MINUTES, new ArrayBlockingQueue<>(WAITING));

    Routes(Messages messages, String hostname, LoggingAdapter log) {
        this.messages = messages;
        this.hostname = hostname;
        this.log = log;
    }

    Route route() {
        return concat(
                path("health", () -> get(() -> complete(json(StatusCodes.OK, Map.of("status", "ok"))))),
                path("ready", () -> get(() -> completeWithFuture(ready()))),
                path("messages", () -> post(() -> entity(Unmarshaller.entityToString(), this::add))),
                pathSingleSlash(() -> get(() -> completeWithFuture(ask(() ->
                        json(StatusCodes.OK, new Page(hostname, messages.all())))))));
    }

    @Override
    public void close() {
        database.shutdownNow();
    }

    private CompletionStage<HttpResponse> ready() {
        return ask(() -> {
            messages.check();
            return json(StatusCodes.OK, Map.of("status", "ready"));
        }).orTimeout(READY_WITHIN.toMillis(), TimeUnit.MILLISECONDS).exceptionally(error -> {
            if (error instanceof TimeoutException) {
                return unavailable("the database did not answer within " + READY_WITHIN.toSeconds() + " s");
            }
            throw new IllegalStateException(error);
        });
    }

    private Route add(String text) {
        String body;
        try {
            JsonNode field = JSON.readTree(text).path("body");
            body = field.isTextual() ? field.textValue() : "";
        } catch (JsonProcessingException notJson) {
            body = "";
        }
        if (body.isBlank() || body.codePointCount(0, body.length()) > Messages.BODY) {
            return complete(json(StatusCodes.BAD_REQUEST, Map.of("error",
                    "send {\"body\": \"…\"}: a text of 1 to " + Messages.BODY + " characters")));
        }
        String wanted = body;
        return completeWithFuture(ask(() -> json(StatusCodes.CREATED, messages.add(wanted))));
    }

    private CompletableFuture<HttpResponse> ask(Query query) {
        CompletableFuture<HttpResponse> answer = new CompletableFuture<>();
        try {
            database.execute(() -> {
                try {
                    answer.complete(query.run());
                } catch (SQLException error) {
                    log.warning("database: {}", error.getMessage());
                    // The driver's words may name hosts and users: they are for the log.
                    answer.complete(unavailable("the database does not answer as it should; the log has the reason"));
                } catch (RuntimeException error) {
                    answer.completeExceptionally(error);
                }
            });
        } catch (RejectedExecutionException full) {
            answer.complete(unavailable("too many requests wait for the database"));
        }
        return answer;
    }

    private static HttpResponse unavailable(String reason) {
        return json(StatusCodes.SERVICE_UNAVAILABLE, Map.of("error", reason));
    }

    private static HttpResponse json(StatusCode status, Object value) {
        try {
            byte[] body = JSON.writeValueAsBytes(value);
            return HttpResponse.create()
                    .withStatus(status)
                    .withEntity(HttpEntities.create(ContentTypes.APPLICATION_JSON, body));
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
