package dev.slipway.todo;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Promise;

/** Reads the whole body, in which no thread waits for a slow client, and leaves it as an attribute of the request. */
final class Body extends Handler.Wrapper {
    static final String ATTRIBUTE = "dev.slipway.todo.body";

    private final int limit;
    private final long seconds;

    /**
     * A handler before another one.
     *
     * @param limit bytes that a body may have; more is answered with 413.
     * @param seconds that sending it may take; later is answered with 408.
     */
    Body(Handler next, int limit, long seconds) {
        super(next);
        this.limit = limit;
        this.seconds = seconds;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        var body = new CompletableFuture<byte[]>();
        Content.Source.asByteArrayAsync(request, limit, Promise.Invocable.toPromise(body));
        body.orTimeout(seconds, TimeUnit.SECONDS).whenComplete((bytes, failure) -> {
            if (failure != null) {
                refuse(request, response, callback, failure);
                return;
            }
            request.setAttribute(ATTRIBUTE, bytes);
            try {
                if (!super.handle(request, response, callback)) {
                    Response.writeError(request, response, callback, 404);
                }
            } catch (Exception error) {
                Response.writeError(request, response, callback, error);
            }
        });
        return true;
    }

    private static void refuse(Request request, Response response, Callback callback, Throwable failure) {
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        if (cause instanceof TimeoutException) {
            response.getHeaders().put("Connection", "close");
            Response.writeError(request, response, callback, 408, "the body took too long");
        } else if (cause instanceof HttpException known) {
            Response.writeError(request, response, callback, known.getCode(), known.getReason());
        } else {
            callback.failed(cause);
        }
    }
}
