package dev.slipway.todo;

import java.net.URI;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.server.handler.GracefulHandler;
import org.eclipse.jetty.server.handler.QoSHandler;
import org.eclipse.jetty.server.handler.ResourceHandler;
import org.eclipse.jetty.server.handler.SizeLimitHandler;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.NanoTime;
import org.eclipse.jetty.util.resource.Resource;
import org.eclipse.jetty.util.resource.ResourceFactory;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/** Jetty, with limits, in front of the interface and the page's files. */
final class WebServer {
    private static final int MAX_BODY = 64 * 1024;
    private static final int MAX_HEADERS = 16 * 1024;
    private static final int MAX_CONNECTIONS = 512;
    private static final int MAX_THREADS = 40;
    // Requests that may wait for the database; the other threads answer probes and send the page.
    private static final int MAX_CALLS = 24;
    private static final Duration CALL_WAITS = Duration.ofSeconds(10);
    private static final int BODY_SECONDS = 10;
    private static final int REQUEST_IDLE_MS = 15_000;
    // Longer than a load balancer keeps its connections: it must be the one that closes them.
    private static final int KEPT_MS = 95_000;
    private static final int STOP_MS = 20_000;
    private static final String HEALTH = "/healthz";
    private static final String STYLES = "META-INF/resources/webjars/picocss__pico/2.1.1/css/";
    private static final String STYLE = "pico.classless.min.css";
    // The style sheet has small pictures of its own as data: URLs.
    private static final String POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none';"
            + " form-action 'self'; base-uri 'none'";

    private final Server server = new Server(new QueuedThreadPool(MAX_THREADS, 4));
    private final int port;

    WebServer(int port, Handler api) {
        this.port = port;
        HttpConfiguration http = new HttpConfiguration();
        http.setSendServerVersion(false);
        http.setRequestHeaderSize(MAX_HEADERS);
        http.setIdleTimeout(REQUEST_IDLE_MS);
        ServerConnector connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory(http));
        connector.setPort(port);
        connector.setIdleTimeout(KEPT_MS);
        server.addConnector(connector);
        server.addBean(new NetworkConnectionLimit(MAX_CONNECTIONS, connector));

        QoSHandler calls = new QoSHandler(api);
        calls.setMaxRequestCount(MAX_CALLS);
        calls.setMaxSuspend(CALL_WAITS);
        SizeLimitHandler limited = new SizeLimitHandler(MAX_BODY, -1);
        limited.setHandler(new Body(new Handler.Sequence(new Health(), calls, files()), MAX_BODY, BODY_SECONDS));
        server.setHandler(new GracefulHandler(new Headers(limited)));
        server.setErrorHandler(new Errors());
        server.setRequestLog(WebServer::log);
        server.setStopTimeout(STOP_MS);
        server.setStopAtShutdown(true);
    }

    /**
     * Serves in threads of its own until the process is told to end.
     *
     * @throws java.io.IOException if the port is taken.
     */
    void start() throws Exception {
        server.start();
        Log.event("listening", "port", port);
    }

    private Handler files() {
        ResourceFactory resources = ResourceFactory.of(server);
        // The archive lists its files, but not the directory that they are in.
        String style = WebServer.class.getClassLoader().getResource(STYLES + STYLE).toString();
        Resource styles = resources.newResource(URI.create(style.substring(0, style.length() - STYLE.length())));
        ResourceHandler files = new ResourceHandler();
        files.setBaseResource(ResourceFactory.combine(List.of(resources.newClassLoaderResource("static/"), styles)));
        files.setDirAllowed(false);
        // The archive's files all have the same time, which tells a browser nothing of their content.
        files.setCacheControl("no-store");
        return files;
    }

    private static void log(Request request, Response response) {
        String path = request.getHttpURI().getPath();
        // Probes come every second: they are not logged unless they fail.
        if (!HEALTH.equals(path) || response.getStatus() >= HttpStatus.BAD_REQUEST_400) {
            Log.event("request", "method", request.getMethod(), "path", path, "status", response.getStatus(),
                    "ms", NanoTime.millisSince(request.getBeginNanoTime()), "client", Request.getRemoteAddr(request));
        }
    }

    /** 200 while this process serves. */
    private static final class Health extends Handler.Abstract.NonBlocking {
        @Override
        public boolean handle(Request request, Response response, Callback callback) {
            if (!HEALTH.equals(Request.getPathInContext(request))) {
                return false;
            }
            json(response, Json.bytes(Json.object().put("status", "ok")), callback);
            return true;
        }
    }

    /** What every answer carries. */
    private static final class Headers extends Handler.Wrapper {
        Headers(Handler next) {
            super(next);
        }

        @Override
        public boolean handle(Request request, Response response, Callback callback) throws Exception {
            response.getHeaders().put("X-Content-Type-Options", "nosniff");
            response.getHeaders().put("Content-Security-Policy", POLICY);
            return super.handle(request, response, callback);
        }
    }

    /** Errors, those of the protocol too, as {@code {"error": "…"}}. */
    private static final class Errors extends ErrorHandler {
        @Override
        public boolean handle(Request request, Response response, Callback callback) {
            if (response.getStatus() < HttpStatus.BAD_REQUEST_400) {
                response.write(true, ByteBuffer.allocate(0), callback);
                return true;
            }
            String message = (String) request.getAttribute(ERROR_MESSAGE);
            if (message == null || response.getStatus() == HttpStatus.INTERNAL_SERVER_ERROR_500) {
                message = HttpStatus.getMessage(response.getStatus());
            }
            json(response, Json.bytes(Json.object().put("error", message)), callback);
            return true;
        }
    }

    private static void json(Response response, byte[] bytes, Callback callback) {
        response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
        response.getHeaders().put(HttpHeader.CONTENT_LENGTH, bytes.length);
        response.write(true, ByteBuffer.wrap(bytes), callback);
    }
}
