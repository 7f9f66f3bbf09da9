package dev.slipway.todo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.Driver;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TodosTest {
    private final String url = "jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1";
    private final Todos todos = new Todos(new Database(url, "admin", "secret"));

    private Connection kept;

    @BeforeEach
    void open() throws SQLException {
        kept = DriverManager.getConnection(url, "admin", "secret");
    }

    @AfterEach
    void close() throws SQLException {
        kept.close();
    }

    private static JsonNode title(String title) {
        return Json.object().put("title", title);
    }

    private JsonNode listed(String owner) throws Refusal, IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        todos.list(owner, out);
        return Json.read(out.toByteArray()).get("todos");
    }

    @Test
    void whatIsAddedIsListedInItsOrder() throws Refusal, IOException {
        JsonNode first = todos.add("anna", title("  milk "));
        JsonNode second = todos.add("anna", title("bread"));
        todos.add("bert", title("other"));
        assertEquals(Json.MAPPER.createArrayNode().add(first).add(second).toString(), listed("anna").toString());
        assertEquals("milk", first.get("title").asText());
    }

    @Test
    void theLongestTitleAndNameAreKept() throws Refusal, IOException {
        String emoji = "\uD83D\uDE00".repeat(200);
        String name = "\uD835\uDC00".repeat(64);
        todos.add(name, title(emoji));
        assertEquals(emoji, listed(name).get(0).get("title").asText());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "a \uD83D", "\uDE00 b", "a\0b", "a\nb", "\u0085x\u0085x"})
    void whatIsNoTextIsRefused(String title) throws Refusal, IOException {
        JsonNode todo = todos.add("anna", title("milk"));
        assertEquals(400, assertThrows(Refusal.class, () -> todos.add("anna", title(title))).status());
        String id = todo.get("id").asText();
        assertEquals(400, assertThrows(Refusal.class, () -> todos.change("anna", id, title(title))).status());
        assertEquals("milk", listed("anna").get(0).get("title").asText());
    }

    @Test
    void aRowThatIsNoTextHidesNoOther() throws Refusal, IOException, SQLException {
        todos.add("anna", title("milk"));
        try (PreparedStatement bad = kept.prepareStatement("INSERT INTO todos VALUES ('x', 'anna', ?, FALSE, 0)")) {
            bad.setString(1, "a \uD83D");
            bad.executeUpdate();
        }
        assertEquals("a ?", listed("anna").get(0).get("title").asText());
        assertEquals("milk", listed("anna").get(1).get("title").asText());
    }

    @Test
    void anEmptyDatabaseInThePlaceOfTheOldOneGetsTables() throws Refusal, IOException, SQLException {
        todos.add("anna", title("milk"));
        try (Statement statement = kept.createStatement()) {
            statement.execute("DROP TABLE todos");
        }
        assertEquals(503, assertThrows(Refusal.class, () -> listed("anna")).status());
        assertTrue(listed("anna").isEmpty());
    }

    @ParameterizedTest
    @ValueSource(ints = {60154, 23505})
    void aRowThatTheDriverWroteTwiceIsAdded(int code) throws Exception {
        Todos answered = new Todos(new Database(failing(code), "admin", "secret"));
        assertEquals("milk", answered.add("anna", title("milk")).get("title").asText());
    }

    @Test
    void anyOtherErrorIsNoSuccess() throws Exception {
        Todos broken = new Todos(new Database(failing(10008), "admin", "secret"));
        assertEquals(503, assertThrows(Refusal.class, () -> broken.add("anna", title("milk"))).status());
    }

    @Test
    void aListThatBreaksOffIsNoList() throws Exception {
        Todos broken = new Todos(new Database(failing(57014), "admin", "secret"));
        AtomicBoolean closed = new AtomicBoolean();
        OutputStream out = new ByteArrayOutputStream() {
            @Override
            public void close() {
                closed.set(true);
            }
        };
        assertEquals(503, assertThrows(Refusal.class, () -> broken.list("anna", out)).status());
        assertFalse(closed.get(), "what has no end must not look whole");
    }

    /** URL of a driver whose statements fail with a code, a SELECT after its first row. */
    private static String failing(int code) throws SQLException {
        String url = "jdbc:failing:" + code;
        Driver driver = answering(Driver.class, (method, value) -> switch (method) {
            case "acceptsURL" -> url.equals(value);
            case "connect" -> url.equals(value) ? answering(Connection.class, (asked, sql) -> switch (asked) {
                case "prepareStatement" -> answering(PreparedStatement.class, (call, argument) -> {
                    if (call.equals("executeUpdate")) {
                        throw new SQLException("refused", "00", code);
                    }
                    return call.equals("executeQuery") ? answering(ResultSet.class, failingRows(code)) : null;
                });
                case "createStatement" -> answering(Statement.class, (call, argument) ->
                        call.equals("execute") ? Boolean.FALSE : null);
                default -> null;
            }) : null;
            default -> null;
        });
        DriverManager.registerDriver(driver);
        return url;
    }

    private static Answer failingRows(int code) {
        AtomicBoolean begun = new AtomicBoolean();
        return (call, argument) -> {
            if (call.equals("next") && begun.getAndSet(true)) {
                throw new SQLException("cancelled", "00", code);
            }
            return switch (call) {
                case "next" -> true;
                case "getBoolean" -> false;
                case "getLong" -> 0L;
                default -> "text";
            };
        };
    }

    private interface Answer {
        Object to(String method, Object argument) throws SQLException;
    }

    private static <T> T answering(Class<T> type, Answer answer) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type},
                (self, method, given) -> switch (method.getName()) {
                    case "equals" -> self == given[0];
                    case "hashCode" -> System.identityHashCode(self);
                    case "toString" -> type.getName();
                    default -> answer.to(method.getName(), given == null ? null : given[0]);
                }));
    }
}
