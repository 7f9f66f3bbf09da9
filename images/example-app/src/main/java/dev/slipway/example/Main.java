package dev.slipway.example;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.security.Security;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.apache.pekko.Done;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.http.javadsl.Http;

/** Starts the server; SIGTERM stops it when the requests under way have ended. */
public final class Main {
    private static final Duration REQUESTS_END = Duration.ofSeconds(15);

    private Main() {}

    public static void main(String[] arguments) {
        // The JVM keeps addresses for 30 s by itself: too long where a Service's name may change what it stands for.
        Security.setProperty("networkaddress.cache.ttl", "5");
        Security.setProperty("networkaddress.cache.negative.ttl", "1");
        Settings settings;
        try {
            settings = Settings.from(System.getenv());
        } catch (Settings.Wrong wrong) {
            fail(wrong.getMessage());
            return;
        }
        ActorSystem system = ActorSystem.create("example-app");
        Driver driver = new Driver(settings, new org.mariadb.jdbc.Driver()::connect);
        ConnectionPool pool = new ConnectionPool(driver, ConnectionPool.Limits.DEFAULT, System::nanoTime);
        Routes routes = new Routes(new SqlMessages(pool), hostname(), system.log());
        CoordinatedShutdown shutdown = CoordinatedShutdown.get(system);
        shutdown.addTask(CoordinatedShutdown.PhaseServiceStop(), "database", () -> {
            routes.close();
            pool.close();
            return CompletableFuture.completedFuture(Done.getInstance());
        });
        // A pod's network is its own: all of its addresses are meant.
        Http.get(system).newServerAt("0.0.0.0", settings.port()).bind(routes.route()).whenComplete((binding, error) -> {
            if (error != null) {
                fail("cannot listen on port " + settings.port() + ": " + error.getMessage());
                return;
            }
            binding.addToCoordinatedShutdown(REQUESTS_END, system);
            system.log().info("listening on port {}", binding.localAddress().getPort());
        });
    }

    private static void fail(String message) {
        System.err.println("error: " + message);
        // Not exit(): the shutdown hooks would wait for a server that never started.
        Runtime.getRuntime().halt(1);
    }

    private static String hostname() {
        String name = System.getenv("HOSTNAME");
        if (name != null && !name.isBlank()) {
            return name;
        }
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException unknown) {
            return "unknown";
        }
    }
}
