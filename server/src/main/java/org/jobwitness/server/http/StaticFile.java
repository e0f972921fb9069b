package org.jobwitness.server.http;

import io.javalin.http.Context;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;

/**
 * A file on the class path that browsers load. No path from a request is ever looked up: each file is named in the code.
 *
 * @param etag weak, because the response may be compressed
 */
public record StaticFile(String path, String contentType, String etag) {
    public static final String HTML = "text/html; charset=utf-8";
    public static final String STYLES = "text/css; charset=utf-8";
    public static final String SCRIPT = "text/javascript; charset=utf-8";

    /** A file by its path; without it there is no server. */
    public static StaticFile of(String path, String contentType) {
        try (DigestInputStream in = new DigestInputStream(open(path), MessageDigest.getInstance("SHA-256"))) {
            in.transferTo(OutputStream.nullOutputStream());
            String digest = HexFormat.of().formatHex(in.getMessageDigest().digest(), 0, 16);
            return new StaticFile(path, contentType, "W/\"" + digest + "\"");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * The path of a file in a webjar, whose folder is named after its version, which is in its own properties.
     *
     * @param group Maven's, such as {@code org.webjars}
     */
    public static String inWebjar(String group, String artifact, String file) {
        try (InputStream in = open("/META-INF/maven/" + group + "/" + artifact + "/pom.properties")) {
            Properties jar = new Properties();
            jar.load(in);
            return "/META-INF/resources/webjars/" + artifact + "/" + jar.getProperty("version") + "/" + file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public String name() {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    /** Sends it, or 304. The browser validates its copy each time, so that an update is visible at once. */
    public void send(Context ctx, String contentSecurityPolicy) {
        Requests.onlyParameters(ctx, Set.of());
        ctx.header("Cache-Control", "no-cache").header("ETag", etag)
                .header("Content-Security-Policy", contentSecurityPolicy).header("Referrer-Policy", "no-referrer");
        String known = ctx.header("If-None-Match");
        if (known != null && known.contains(etag)) {
            ctx.status(304);
        } else {
            ctx.contentType(contentType).result(open(path));
        }
    }

    private static InputStream open(String path) {
        return Optional.ofNullable(StaticFile.class.getResourceAsStream(path))
                .orElseThrow(() -> new IllegalStateException("not on the class path: " + path));
    }
}
