package dev.slipway.todo;

import java.security.Security;
import java.sql.DriverManager;

/** Starts the todo app's server; SIGTERM stops it when the requests under way have ended. */
public final class Main {
    private static final int LOGIN_SECONDS = 3;

    private Main() {}

    public static void main(String[] arguments) throws Exception {
        // The JVM keeps addresses for 30 s by itself: too long where a pod comes back at another one.
        Security.setProperty("networkaddress.cache.ttl", "1");
        Security.setProperty("networkaddress.cache.negative.ttl", "1");
        // GridDB's driver waits for five minutes unless told otherwise.
        DriverManager.setLoginTimeout(LOGIN_SECONDS);
        Settings settings;
        try {
            settings = Settings.from(System.getenv());
        } catch (Settings.Wrong wrong) {
            fail(wrong.getMessage());
            return;
        }
        Database database = new Database(settings.jdbcUrl(), settings.jdbcUser(), settings.jdbcPassword());
        Api api = new Api(new Tokens(settings.tokenKey()), new Issuer(settings.authUrl()), new Todos(database));
        WebServer server = new WebServer(settings.port(), api);
        try {
            server.start();
        } catch (java.io.IOException taken) {
            fail("cannot listen on port " + settings.port() + ": " + taken.getMessage());
        }
    }

    private static void fail(String message) {
        System.err.println("error: " + message);
        // Not exit(): the shutdown hooks would wait for a server that never started.
        Runtime.getRuntime().halt(1);
    }
}
