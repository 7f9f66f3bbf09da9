package dev.slipway.todo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/** auth, asked over HTTP. */
final class Issuer {
    private static final Duration TIMEOUT = Duration.ofSeconds(3);

    private final URI tokens;
    private final HttpClient client = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(TIMEOUT)
            .build();

    Issuer(URI url) {
        tokens = url.resolve("/token");
    }

    /**
     * Its answer with a token for a user.
     *
     * @param user the name as the client sent it, of whatever type.
     * @throws Refusal with its own words if it refuses the name; 503 if it does not answer as it should.
     */
    JsonNode token(JsonNode user) throws Refusal {
        ObjectNode question = Json.object();
        question.set("user", user);
        HttpRequest request = HttpRequest.newBuilder(tokens)
                .timeout(TIMEOUT)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofByteArray(Json.bytes(question)))
                .build();
        try {
            HttpResponse<byte[]> answer = client.send(request, HttpResponse.BodyHandlers.ofByteArray());
            JsonNode content = Json.read(answer.body());
            if (answer.statusCode() == 200 && content.path("token").isTextual()) {
                return content;
            }
            if (answer.statusCode() == 400) {
                throw new Refusal(400, content.path("error").asText("this is no name"));
            }
            Log.event("auth", "status", answer.statusCode());
        } catch (IOException away) {
            Log.event("auth", "error", String.valueOf(away));
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
        throw new Refusal(503, "auth, which knows the names, does not answer; try again in a moment");
    }
}
