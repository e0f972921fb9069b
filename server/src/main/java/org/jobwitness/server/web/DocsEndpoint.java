package org.jobwitness.server.web;

import io.javalin.config.RoutesConfig;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.server.access.Role;
import org.jobwitness.server.http.ApiException;
import org.jobwitness.server.http.StaticFile;
import org.jobwitness.server.json.Printable;

/** GET /v1/openapi.yaml, and /docs, the page that shows it: Swagger UI without the parts that contact other hosts. */
public final class DocsEndpoint {
    /** Swagger UI draws its icons from data: URLs. */
    private static final String WITH_SCRIPTS = "default-src 'none'; script-src 'self'; style-src 'self'; "
            + "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    private static final String WITHOUT_SCRIPTS = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; "
            + "form-action 'none'; frame-ancestors 'none'";

    private final StaticFile document = StaticFile.of("/web/openapi.yaml", "application/yaml");
    private final StaticFile page = StaticFile.of("/web/docs/index.html", StaticFile.HTML);
    private final Map<String, StaticFile> assets = Stream.of(
            StaticFile.of("/web/docs/docs.css", StaticFile.STYLES),
            StaticFile.of("/web/docs/docs.js", StaticFile.SCRIPT),
            StaticFile.of(swaggerUi("swagger-ui.css"), StaticFile.STYLES),
            StaticFile.of(swaggerUi("swagger-ui-bundle.js"), StaticFile.SCRIPT))
            .collect(Collectors.toMap(StaticFile::name, Function.identity()));

    public void routes(RoutesConfig routes) {
        routes.get("/v1/openapi.yaml", ctx -> document.send(ctx, WITHOUT_SCRIPTS), Role.OPEN);
        routes.get("/docs", ctx -> page.send(ctx, WITH_SCRIPTS), Role.OPEN);
        routes.get("/docs/assets/{file}", ctx -> asset(ctx.pathParam("file")).send(ctx, WITHOUT_SCRIPTS), Role.OPEN);
    }

    private StaticFile asset(String name) {
        return Optional.ofNullable(assets.get(name))
                .orElseThrow(() -> ApiException.notFound("/docs has no file " + Printable.shown(name)));
    }

    private static String swaggerUi(String file) {
        return StaticFile.inWebjar("org.webjars", "swagger-ui", file);
    }
}
