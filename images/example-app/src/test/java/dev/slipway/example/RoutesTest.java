package dev.slipway.example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.http.javadsl.Http;
import org.apache.pekko.http.javadsl.ServerBinding;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Requests to the real server on loopback; the table is in memory. */
final class RoutesTest {
    private final Table table = new Table();
    private final HttpClient client = HttpClient.newHttpClient();
    private ActorSystem system;
    private Routes routes;
    private ServerBinding binding;

    /** A table that can fail or take its time. */
    private static final class Table implements Messages {
        final List<Message> rows = new ArrayList<>(List.of(new Message(1, "hello from mysql")));
        final CountDownLatch asked = new CountDownLatch(1);
        volatile boolean down;
        volatile CountDownLatch gate = new CountDownLatch(0);

        @Override
        public synchronized List<Message> all() throws SQLException {
            check();
            return List.copyOf(rows);
        }

        @Override
        public synchronized Message add(String body) throws SQLException {
            check();
            Message message = new Message(rows.size() + 1L, body);
            rows.add(message);
            return message;
        }

        @Override
        public void check() throws SQLException {
            asked.countDown();
            try {
                gate.await();
            } catch (InterruptedException interrupted) {
                throw new SQLException(interrupted);
            }
            if (down) {
                throw new SQLException("Access denied for user 'test_user'@'10.1.2.3'");
            }
        }
    }

    @BeforeEach
    void start() throws Exception {
        system = ActorSystem.create("test");
        routes = new Routes(table, "pod-1", system.log());
        binding = Http.get(system).newServerAt("127.0.0.1", 0).bind(routes.route())
                .toCompletableFuture().get(20, TimeUnit.SECONDS);
    }

    @AfterEach
    void stop() throws Exception {
        table.gate.countDown();
        routes.close();
        system.terminate();
        system.getWhenTerminated().toCompletableFuture().get(20, TimeUnit.SECONDS);
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + binding.localAddress().getPort() + path));
    }

    private HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return client.send(request(path).build(), HttpResponse.BodyHandlers.ofString());
    }

    private HttpResponse<String> post(String body) throws IOException, InterruptedException {
        return client.send(
                request("/messages").POST(HttpRequest.BodyPublishers.ofString(body)).build(),
                HttpResponse.BodyHandlers.ofString());
    }

    private static JsonNode json(HttpResponse<String> response) throws IOException {
        assertEquals("application/json", response.headers().firstValue("Content-Type").orElse(""));
        return new ObjectMapper().readTree(response.body());
    }

    @Test
    void theRowsAndTheHostAreTold() throws Exception {
        HttpResponse<String> response = get("/");
        assertEquals(200, response.statusCode());
        assertEquals("{\"hostname\":\"pod-1\",\"messages\":[{\"id\":1,\"body\":\"hello from mysql\"}]}",
                json(response).toString());
    }

    @Test
    void aPostedMessageIsThere() throws Exception {
        HttpResponse<String> added = post("{\"body\": \"grüße\"}");
        assertEquals(201, added.statusCode());
        assertEquals("{\"id\":2,\"body\":\"grüße\"}", json(added).toString());
        assertEquals("grüße", json(get("/")).at("/messages/1/body").textValue());
    }

    @Test
    void aWrongMessageIsRefused() throws Exception {
        for (String body : List.of("", "x", "[]", "{}", "{\"body\": 1}", "{\"body\": \" \"}",
                "{\"body\": \"" + "x".repeat(256) + "\"}")) {
            HttpResponse<String> response = post(body);
            assertEquals(400, response.statusCode(), body);
            assertTrue(json(response).path("error").textValue().contains("1 to 255"));
        }
        assertEquals(201, post("{\"body\": \"" + "😀".repeat(255) + "\"}").statusCode());
        assertEquals(2, table.rows.size());
    }

    @Test
    void healthDoesNotAskTheDatabase() throws Exception {
        table.down = true;
        assertEquals(200, get("/health").statusCode());
        assertEquals(1, table.asked.getCount());
    }

    @Test
    void readyFollowsTheDatabase() throws Exception {
        assertEquals(200, get("/ready").statusCode());
        table.down = true;
        assertEquals(503, get("/ready").statusCode());
        table.down = false;
        assertEquals(200, get("/ready").statusCode());
    }

    @Test
    void readyDoesNotWaitForASilentDatabase() throws Exception {
        table.gate = new CountDownLatch(1);
        long started = System.nanoTime();
        HttpResponse<String> response = get("/ready");
        assertEquals(503, response.statusCode());
        assertTrue(json(response).path("error").textValue().contains("within 2 s"));
        assertTrue(Duration.ofNanos(System.nanoTime() - started).toMillis() < 4000);
    }

    @Test
    void anErrorOfTheDatabaseIs503AndKeepsItsSecrets() throws Exception {
        table.down = true;
        for (HttpResponse<String> response : List.of(get("/"), get("/ready"), post("{\"body\": \"x\"}"))) {
            assertEquals(503, response.statusCode());
            assertTrue(json(response).has("error"));
            assertFalse(response.body().contains("test_user"), response.body());
        }
    }

    @Test
    void otherPathsAndMethodsAreRefused() throws Exception {
        assertEquals(404, get("/nothing").statusCode());
        assertEquals(405, get("/messages").statusCode());
    }

    @Test
    void aStopLetsTheRequestUnderWayEnd() throws Exception {
        table.gate = new CountDownLatch(1);
        CompletableFuture<HttpResponse<String>> slow =
                client.sendAsync(request("/").build(), HttpResponse.BodyHandlers.ofString());
        assertTrue(table.asked.await(10, TimeUnit.SECONDS));
        var stopped = binding.terminate(Duration.ofSeconds(20)).toCompletableFuture();
        assertThrows(IOException.class, () -> {
            // A connection of its own: the first one is still in use.
            HttpClient.newHttpClient().send(request("/health").build(), HttpResponse.BodyHandlers.ofString());
        });
        assertFalse(slow.isDone());
        table.gate.countDown();
        assertEquals(200, slow.get(10, TimeUnit.SECONDS).statusCode());
        stopped.get(10, TimeUnit.SECONDS);
    }
}
