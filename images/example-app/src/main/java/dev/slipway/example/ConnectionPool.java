package dev.slipway.example;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * A few connections for a short time.
 *
 * <p>A connection is used again for some seconds only and is looked at before: when the host's name begins to mean another
 * database, or a database comes back, the app follows within that time.
 */
final class ConnectionPool implements AutoCloseable {
    /** Makes a new connection; resolves the host's name each time. */
    interface Opener {
        Connection open() throws SQLException;
    }

    /** What is done with a connection. */
    interface Work<T> {
        T run(Connection connection) throws SQLException;
    }

    /**
     * Bounds of the pool.
     *
     * @param connections at most, at the same time.
     * @param lifetime of a connection, from its opening.
     * @param patience how long to wait for a free connection.
     */
    record Limits(int connections, Duration lifetime, Duration patience) {
        static final Limits DEFAULT = new Limits(8, Duration.ofSeconds(10), Duration.ofSeconds(2));
    }

    private record Pooled(Connection connection, long opened) {}

    private static final int VALIDATION_SECONDS = 1;

    private final Opener opener;
    private final Limits limits;
    private final LongSupplier nanoTime;
    private final Semaphore free;
    private final Deque<Pooled> idle = new ArrayDeque<>();
    private boolean closed;

    ConnectionPool(Opener opener, Limits limits, LongSupplier nanoTime) {
        this.opener = opener;
        this.limits = limits;
        this.nanoTime = nanoTime;
        this.free = new Semaphore(limits.connections(), true);
    }

    /**
     * Runs the work with a connection.
     *
     * @throws SQLException if there is no connection, or from the work; its connection is not used again then.
     */
    <T> T with(Work<T> work) throws SQLException {
        take();
        try {
            Pooled pooled = connection();
            T result;
            try {
                result = work.run(pooled.connection());
            } catch (SQLException | RuntimeException error) {
                discard(pooled);
                throw error;
            }
            giveBack(pooled);
            return result;
        } finally {
            free.release();
        }
    }

    @Override
    public void close() {
        synchronized (idle) {
            closed = true;
            idle.forEach(ConnectionPool::discard);
            idle.clear();
        }
    }

    private void take() throws SQLException {
        try {
            if (!free.tryAcquire(limits.patience().toMillis(), TimeUnit.MILLISECONDS)) {
                throw new SQLException("all " + limits.connections() + " connections are in use");
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new SQLException("interrupted while waiting for a connection", interrupted);
        }
    }

    private Pooled connection() throws SQLException {
        for (Pooled pooled = next(); pooled != null; pooled = next()) {
            if (young(pooled) && pooled.connection().isValid(VALIDATION_SECONDS)) {
                return pooled;
            }
            discard(pooled);
        }
        return new Pooled(opener.open(), nanoTime.getAsLong());
    }

    private Pooled next() {
        synchronized (idle) {
            return idle.pollLast();
        }
    }

    private void giveBack(Pooled pooled) {
        synchronized (idle) {
            if (!closed && young(pooled)) {
                idle.addLast(pooled);
                return;
            }
        }
        discard(pooled);
    }

    private boolean young(Pooled pooled) {
        return nanoTime.getAsLong() - pooled.opened() < limits.lifetime().toNanos();
    }

    private static void discard(Pooled pooled) {
        try {
            pooled.connection().close();
        } catch (SQLException broken) {
            // It is given up either way.
        }
    }
}
