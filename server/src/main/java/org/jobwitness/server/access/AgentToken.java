package org.jobwitness.server.access;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.server.hosts.HostList;

/**
 * A token for the agents and scripts of some nodes. Only its hash is kept: a token has 256 random bits, so that a slow hash
 * would protect it no better.
 *
 * @param id eight hexadecimal digits, part of the token
 * @param hash SHA-256 of the token, in hexadecimal digits
 * @param nodes a host list; {@link #ALL_NODES} for all of the cluster
 */
public record AgentToken(String id, String hash, Instant created, String cluster, String nodes) {
    public static final String ALL_NODES = "*";
    private static final String PREFIX = "node-";
    private static final int FIELDS = 5;
    private static final int ID_BYTES = 4;
    private static final int SECRET_BYTES = 32;
    private static final Pattern ID = Pattern.compile("[0-9a-f]{8}");
    private static final Pattern TOKEN = Pattern.compile(PREFIX + "([0-9a-f]{8})-[0-9a-f]{64}");
    private static final Pattern HASH = Pattern.compile("[0-9a-f]{64}");
    private static final Pattern CLUSTER = Pattern.compile("[A-Za-z0-9._-]{1,64}");

    /**
     * Checks its fields.
     *
     * @throws IllegalArgumentException whose message says what is wrong
     */
    public AgentToken {
        if (!ID.matcher(id).matches() || !HASH.matcher(hash).matches()) {
            throw new IllegalArgumentException("it has no id of 8 or no hash of 64 hexadecimal digits");
        }
        if (!CLUSTER.matcher(cluster).matches()) {
            throw new IllegalArgumentException("the cluster must be 1 to 64 letters, digits or . _ -");
        }
        if (!nodes.equals(ALL_NODES)) {
            HostList.expand("nodes", List.of(nodes));
        }
    }

    /** A new token, and its secret text, which is known only here. */
    public record Issued(String secret, AgentToken token) {
    }

    /**
     * Makes a new one.
     *
     * @param nodes a host list, or {@link #ALL_NODES}
     */
    public static Issued issue(String cluster, String nodes, Instant now) {
        SecureRandom random = new SecureRandom();
        String id = hex(random, ID_BYTES);
        String secret = PREFIX + id + "-" + hex(random, SECRET_BYTES);
        return new Issued(secret,
                new AgentToken(id, hash(secret), now.truncatedTo(ChronoUnit.SECONDS), cluster, nodes));
    }

    private static String hex(SecureRandom random, int bytes) {
        byte[] chosen = new byte[bytes];
        random.nextBytes(chosen);
        return HexFormat.of().formatHex(chosen);
    }

    /** Reads what {@link #line} wrote. */
    static AgentToken parse(String line) {
        String[] fields = line.strip().split("\\s+", -1);
        if (fields.length != FIELDS) {
            throw new IllegalArgumentException("it has " + fields.length + " fields instead of " + FIELDS);
        }
        try {
            return new AgentToken(fields[0], fields[1], Instant.parse(fields[2]), fields[3], fields[4]);
        } catch (DateTimeException e) {
            throw new IllegalArgumentException("its third field is not a time", e);
        }
    }

    String line() {
        return String.join(" ", id, hash, created.toString(), cluster, nodes);
    }

    /** The id in the text of a token. */
    static Optional<String> idIn(String text) {
        Matcher token = TOKEN.matcher(text);
        return token.matches() ? Optional.of(token.group(1)) : Optional.empty();
    }

    boolean isSecret(String text) {
        return MessageDigest.isEqual(hash.getBytes(StandardCharsets.US_ASCII),
                hash(text).getBytes(StandardCharsets.US_ASCII));
    }

    ReportScope scope() {
        return nodes.equals(ALL_NODES)
                ? new ReportScope.Cluster(cluster)
                : new ReportScope.Nodes(cluster, Set.copyOf(HostList.expand("nodes", List.of(nodes))));
    }

    private static String hash(String text) {
        try {
            return HexFormat.of().formatHex(
                    MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
