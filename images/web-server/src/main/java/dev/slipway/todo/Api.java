package dev.slipway.todo;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/**
 * The REST interface. The endpoints of todos want a token that auth issued (`Authorization: Bearer …`).
 *
 * <pre>
 * POST   /api/signin      {"user": "anna"}    what auth answers: {"token": "…", …}
 * GET    /api/todos                           {"todos": [{"id", "title", "done", "created"}]}
 * POST   /api/todos       {"title": "milk"}   201 and the new todo
 * PATCH  /api/todos/ID    {"done": true}      the changed todo (title may change as well)
 * DELETE /api/todos/ID                        204
 * </pre>
 *
 * Each user sees the own todos only. Errors are {@code {"error": "…"}}.
 */
final class Api extends Handler.Abstract {
    private static final String TODOS = "/api/todos";
    private static final Pattern ID = Pattern.compile("[0-9a-zA-Z-]{1,64}");

    private final Tokens tokens;
    private final Issuer issuer;
    private final Todos todos;

    /** Answers one kind of request; has written the whole answer when it returns. */
    private interface Action {
        void answer(Request request, Response response) throws Refusal, IOException;
    }

    Api(Tokens tokens, Issuer issuer, Todos todos) {
        this.tokens = tokens;
        this.issuer = issuer;
        this.todos = todos;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        String path = Request.getPathInContext(request);
        Map<String, Action> actions = actions(path);
        if (actions.isEmpty()) {
            return false;
        }
        String method = request.getMethod().equals("HEAD") ? "GET" : request.getMethod();
        Action action = actions.get(method);
        if (action == null) {
            String allowed = String.join(", ", new TreeSet<>(actions.keySet()));
            response.getHeaders().put(HttpHeader.ALLOW, allowed);
            Response.writeError(request, response, callback, 405, path + " answers " + allowed + " only");
            return true;
        }
        response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
        try {
            action.answer(request, response);
            callback.succeeded();
        } catch (Refusal refusal) {
            if (refusal.status() == 401) {
                response.getHeaders().put(HttpHeader.WWW_AUTHENTICATE, "Bearer");
            }
            Response.writeError(request, response, callback, refusal.status(), refusal.getMessage());
        } catch (IOException gone) {
            callback.failed(gone);
        }
        return true;
    }

    private Map<String, Action> actions(String path) {
        if (path.equals("/api/signin")) {
            return Map.of("POST", (request, response) ->
                    send(request, response, 200, issuer.token(body(request).path("user"))));
        }
        if (path.equals(TODOS)) {
            return Map.of("GET", this::list, "POST", (request, response) ->
                    send(request, response, 201, todos.add(user(request), body(request))));
        }
        String id = path.startsWith(TODOS + "/") ? path.substring(TODOS.length() + 1) : "";
        if (!ID.matcher(id).matches()) {
            return Map.of();
        }
        return Map.of("PATCH", (request, response) ->
                        send(request, response, 200, todos.change(user(request), id, body(request))),
                "DELETE", (request, response) -> {
                    todos.remove(user(request), id);
                    response.setStatus(204);
                });
    }

    private void list(Request request, Response response) throws Refusal, IOException {
        String user = user(request);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
        todos.list(user, Content.Sink.asOutputStream(response));
    }

    private String user(Request request) throws Refusal {
        String user = tokens.user(request.getHeaders().get(HttpHeader.AUTHORIZATION));
        if (user.isBlank() || !Todos.storable(user)) {
            throw new Refusal(401, "the token is not valid: it names nobody");
        }
        return user;
    }

    private static JsonNode body(Request request) throws Refusal {
        JsonNode body;
        try {
            body = Json.read((byte[]) request.getAttribute(Body.ATTRIBUTE));
        } catch (IOException none) {
            throw new Refusal(400, "the body is not JSON");
        }
        if (!body.isObject()) {
            throw new Refusal(400, "the body is not a JSON object");
        }
        return body;
    }

    private static void send(Request request, Response response, int status, JsonNode content) throws IOException {
        response.setStatus(status);
        byte[] bytes = Json.bytes(content);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
        response.getHeaders().put(HttpHeader.CONTENT_LENGTH, bytes.length);
        try (OutputStream out = Response.asBufferedOutputStream(request, response)) {
            out.write(bytes);
        }
    }
}
