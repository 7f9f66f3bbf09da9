package dev.slipway.example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class ConnectionPoolTest {
    private static final ConnectionPool.Limits LIMITS =
            new ConnectionPool.Limits(2, Duration.ofSeconds(10), Duration.ofMillis(50));

    private final List<Fake> opened = new ArrayList<>();
    private final AtomicLong seconds = new AtomicLong();
    private final ConnectionPool pool =
            new ConnectionPool(this::open, LIMITS, () -> Duration.ofSeconds(seconds.get()).toNanos());
    private boolean down;

    /** A connection that can break and knows whether it was closed. */
    private static final class Fake {
        volatile boolean valid = true;
        volatile boolean closed;
        final Connection connection = (Connection) Proxy.newProxyInstance(
                Fake.class.getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, arguments) ->
                        switch (method.getName()) {
                            case "isValid" -> valid;
                            case "close" -> {
                                closed = true;
                                yield null;
                            }
                            default -> throw new UnsupportedOperationException(method.getName());
                        });
    }

    private synchronized Connection open() throws SQLException {
        if (down) {
            throw new SQLException("no route to host");
        }
        Fake fake = new Fake();
        opened.add(fake);
        return fake.connection;
    }

    private Connection use() throws SQLException {
        return pool.with(connection -> connection);
    }

    @Test
    void aConnectionIsUsedAgain() throws SQLException {
        assertEquals(System.identityHashCode(use()), System.identityHashCode(use()));
        assertEquals(1, opened.size());
    }

    @Test
    void anOldConnectionIsReplaced() throws SQLException {
        use();
        seconds.set(9);
        use();
        assertEquals(1, opened.size());
        seconds.set(10);
        use();
        assertEquals(2, opened.size());
        assertTrue(opened.get(0).closed, "the old one is closed");
    }

    @Test
    void aConnectionThatBrokeWhileIdleIsReplaced() throws SQLException {
        use();
        opened.get(0).valid = false;
        use();
        assertEquals(2, opened.size());
        assertTrue(opened.get(0).closed);
    }

    @Test
    void aConnectionWhoseWorkFailedIsNotUsedAgain() throws SQLException {
        assertThrows(SQLException.class, () -> pool.with(connection -> {
            throw new SQLException("deadlock");
        }));
        assertTrue(opened.get(0).closed);
        use();
        assertEquals(2, opened.size());
    }

    @Test
    void theDatabaseComesBack() throws SQLException {
        down = true;
        for (int i = 0; i < 5; i++) {
            assertThrows(SQLException.class, this::use, "more failures than connections: none may be leaked");
        }
        down = false;
        use();
    }

    @Test
    void thereAreNoMoreConnectionsThanTheLimit() throws Exception {
        CountDownLatch bothBusy = new CountDownLatch(2);
        CountDownLatch goOn = new CountDownLatch(1);
        List<Thread> users = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            Thread user = new Thread(() -> {
                try {
                    pool.with(connection -> {
                        bothBusy.countDown();
                        return wait(goOn);
                    });
                } catch (SQLException error) {
                    throw new IllegalStateException(error);
                }
            });
            user.start();
            users.add(user);
        }
        bothBusy.await();
        SQLException refused = assertThrows(SQLException.class, this::use);
        assertTrue(refused.getMessage().contains("all 2 connections are in use"), refused.getMessage());
        goOn.countDown();
        for (Thread user : users) {
            user.join();
        }
        use();
        assertEquals(2, opened.size());
    }

    @Test
    void closingClosesIdleConnectionsAndThoseGivenBackLater() throws SQLException {
        use();
        pool.close();
        assertTrue(opened.get(0).closed);
        use();
        assertTrue(opened.get(1).closed);
        assertFalse(opened.isEmpty());
    }

    private static boolean wait(CountDownLatch latch) {
        try {
            latch.await();
            return true;
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }
}
