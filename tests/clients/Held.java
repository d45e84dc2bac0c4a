import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Properties;

/** Runs one statement through JDBC, and prints how many rows it changed: URL, user, token, statement. */
class Held {
    public static void main(String[] arguments) throws SQLException {
        var who = new Properties();
        who.setProperty("user", arguments[1]);
        who.setProperty("password", arguments[2]);
        try (var connection = DriverManager.getConnection(arguments[0], who);
                var statement = connection.createStatement()) {
            System.out.println(statement.executeUpdate(arguments[3]));
        }
    }
}
