package org.jobwitness.server.web;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.Requests;
import org.jobwitness.server.json.Printable;

/**
 * GET /, where a browser starts, /v1/openapi.yaml, and /docs, the page that shows it. The page is Swagger UI without the parts that contact other
 * hosts; its files are listed here one by one, so that no path from a request is ever looked up.
 */
public final class DocsEndpoint {
    private static final String SWAGGER_UI = "/META-INF/resources/webjars/swagger-ui/";
    /** Swagger UI draws its icons from data: URLs. */
    private static final String WITH_SCRIPTS = "default-src 'none'; script-src 'self'; style-src 'self'; "
            + "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    private static final String WITHOUT_SCRIPTS = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; "
            + "form-action 'none'; frame-ancestors 'none'";

    private final File document = File.of("/web/openapi.yaml", "application/yaml");
    private final File start = File.of("/web/start/index.html", "text/html; charset=utf-8");
    private final File page = File.of("/web/docs/index.html", "text/html; charset=utf-8");
    private final Map<String, File> assets = Stream.of(
            File.of("/web/start/start.css", "text/css; charset=utf-8"),
            File.of("/web/docs/docs.css", "text/css; charset=utf-8"),
            File.of("/web/docs/docs.js", "text/javascript; charset=utf-8"),
            File.of(swaggerUi("swagger-ui.css"), "text/css; charset=utf-8"),
            File.of(swaggerUi("swagger-ui-bundle.js"), "text/javascript; charset=utf-8"))
            .collect(Collectors.toMap(File::name, Function.identity()));

    public void routes(RoutesConfig routes) {
        routes.get("/", ctx -> send(ctx, start, WITHOUT_SCRIPTS), Role.OPEN);
        routes.get("/v1/openapi.yaml", ctx -> send(ctx, document, WITHOUT_SCRIPTS), Role.OPEN);
        routes.get("/docs", ctx -> send(ctx, page, WITH_SCRIPTS), Role.OPEN);
        routes.get("/docs/assets/{file}", ctx -> send(ctx, asset(ctx.pathParam("file")), WITHOUT_SCRIPTS), Role.OPEN);
    }

    private File asset(String name) {
        return Optional.ofNullable(assets.get(name))
                .orElseThrow(() -> ApiException.notFound("/docs has no file " + Printable.shown(name)));
    }

    /** The browser validates its copy each time, so that an update is visible at once. */
    private static void send(Context ctx, File file, String contentSecurityPolicy) {
        Requests.onlyParameters(ctx, Set.of());
        ctx.header("Cache-Control", "no-cache").header("ETag", file.etag())
                .header("Content-Security-Policy", contentSecurityPolicy).header("Referrer-Policy", "no-referrer");
        String known = ctx.header("If-None-Match");
        if (known != null && known.contains(file.etag())) {
            ctx.status(304);
        } else {
            ctx.contentType(file.contentType()).result(open(file.path()));
        }
    }

    /** The jar's folder is named after its version, which is in its own properties. */
    private static String swaggerUi(String name) {
        try (InputStream in = open("/META-INF/maven/org.webjars/swagger-ui/pom.properties")) {
            Properties jar = new Properties();
            jar.load(in);
            return SWAGGER_UI + jar.getProperty("version") + "/" + name;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static InputStream open(String path) {
        return Optional.ofNullable(DocsEndpoint.class.getResourceAsStream(path))
                .orElseThrow(() -> new IllegalStateException("not on the class path: " + path));
    }

    /**
     * A file on the class path.
     *
     * @param etag weak, because the response may be compressed
     */
    private record File(String path, String contentType, String etag) {

        static File of(String path, String contentType) {
            try (DigestInputStream in = new DigestInputStream(open(path), MessageDigest.getInstance("SHA-256"))) {
                in.transferTo(OutputStream.nullOutputStream());
                String digest = HexFormat.of().formatHex(in.getMessageDigest().digest(), 0, 16);
                return new File(path, contentType, "W/\"" + digest + "\"");
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException(e);
            }
        }

        String name() {
            return path.substring(path.lastIndexOf('/') + 1);
        }
    }
}
