package org.jobwitness.server.db;

import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Where a PostgreSQL is, and as whom to log in.
 *
 * @param jdbcUrl without user and password
 */
public record DatabaseAddress(String jdbcUrl, @Nullable String user, @Nullable String password) {
    private static final Pattern HOST = Pattern.compile("([^:\\[\\]]+|\\[[0-9A-Fa-f:.]+])(:(?<port>[0-9]{1,5}))?");

    /**
     * Reads {@code postgres://user:password@host:port/database?sslmode=…} (or {@code postgresql://}) and
     * {@code jdbc:postgresql://host/database?user=…&password=…}.
     *
     * @throws IllegalArgumentException with what is wrong, but without the password
     */
    public static DatabaseAddress parse(String url) {
        boolean jdbc = url.startsWith("jdbc:postgresql:");
        String plain = jdbc ? url.substring("jdbc:".length()) : url;
        if (!jdbc && !plain.startsWith("postgres://") && !plain.startsWith("postgresql://")) {
            throw new IllegalArgumentException("must begin with postgres://, postgresql:// or jdbc:postgresql:");
        }
        URI uri;
        try {
            uri = new URI(plain);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException("is not a URL: " + e.getReason() + " at character " + e.getIndex()
                    + "; percent-encode special characters of the password", e);
        }
        if (uri.getRawAuthority() == null || uri.getPath() == null || uri.getPath().length() < 2) {
            throw new IllegalArgumentException("must name a host and a database, as in postgres://user@host:5432/name");
        }
        String authority = uri.getRawAuthority();
        int at = authority.lastIndexOf('@');
        if (!Arrays.stream(authority.substring(at + 1).split(",", -1)).allMatch(DatabaseAddress::isHost)) {
            throw new IllegalArgumentException("must name a host, and no port or one of 1 to 65535, as in"
                    + " postgres://user@host:5432/name; percent-encode special characters of the password");
        }
        String user = null;
        String password = null;
        if (at >= 0) {
            String[] login = authority.substring(0, at).split(":", 2);
            user = decode(login[0]);
            password = login.length > 1 ? decode(login[1]) : null;
        }
        StringBuilder query = new StringBuilder();
        for (String pair : uri.getRawQuery() == null ? new String[0] : uri.getRawQuery().split("&")) {
            if (pair.startsWith("user=")) {
                user = decode(pair.substring("user=".length()));
            } else if (pair.startsWith("password=")) {
                password = decode(pair.substring("password=".length()));
            } else if (!pair.isEmpty()) {
                query.append(query.isEmpty() ? "?" : "&").append(pair);
            }
        }
        return new DatabaseAddress(
                "jdbc:postgresql://" + authority.substring(at + 1) + uri.getRawPath() + query, user, password);
    }

    private static boolean isHost(String text) {
        Matcher host = HOST.matcher(text);
        if (!host.matches()) {
            return false;
        }
        int port = host.group("port") == null ? 5432 : Integer.parseInt(host.group("port"));
        return port >= 1 && port <= 65_535;
    }

    private static String decode(String text) {
        return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    }

    /** Host and database, for the log: the parameters behind them may hold secrets. */
    String place() {
        int parameters = jdbcUrl.indexOf('?');
        return parameters < 0 ? jdbcUrl : jdbcUrl.substring(0, parameters);
    }

    /** Never shows a secret. */
    @Override
    public String toString() {
        return user == null ? place() : place() + " as " + user;
    }
}
