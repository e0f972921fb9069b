package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jobwitness.server.FuzzRequest.Kind;
import org.jobwitness.server.PatternText.Repetitions;
import org.jobwitness.server.testing.ApiDocument;
import org.jobwitness.server.testing.Exchange;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** That what {@link OpenApiFuzzTest} sends is what it says it is. */
class RequestGeneratorTest {
    private static final Instant NOW = Instant.parse("2026-11-22T21:34:10Z");
    private static final int REQUESTS = 4_000;

    private final ApiDocument document = ApiDocument.load();
    private final List<FuzzRequest> requests = requests(1);

    private List<FuzzRequest> requests(long seed) {
        RequestGenerator generator = new RequestGenerator(document, seed, NOW);
        return IntStream.range(0, REQUESTS).mapToObj(generator::request).toList();
    }

    @Test
    void plainAndEdgeBodiesAreRightByTheDocument() {
        List<FuzzRequest> right = requests.stream()
                .filter(request -> request.kind() == Kind.PLAIN || request.kind() == Kind.EDGES)
                .filter(request -> request.body().length > 0).toList();
        assertThat(right).hasSizeGreaterThan(500).allSatisfy(request -> {
            JsonNode content = document.operation(request.operation()).at("/requestBody/content");
            JsonNode form = content.path("application/x-www-form-urlencoded");
            JsonNode schema = (form.isMissingNode() ? content.required("application/json") : form).required("schema");
            document.check(request.toString(), schema,
                    form.isMissingNode() ? Exchange.JSON.readTree(request.body()) : fields(request.body()));
        });
    }

    /** Of a form, whose values are texts. */
    private static JsonNode fields(byte[] form) {
        ObjectNode fields = Exchange.JSON.createObjectNode();
        for (String field : new String(form, StandardCharsets.US_ASCII).split("&")) {
            String[] parts = field.split("=", 2);
            fields.put(URLDecoder.decode(parts[0], StandardCharsets.UTF_8),
                    URLDecoder.decode(parts[1], StandardCharsets.UTF_8));
        }
        return fields;
    }

    @Test
    void everyOperationIsMadeRequestsOfEachKindFor() {
        for (Kind kind : Kind.values()) {
            assertThat(
                    requests.stream().filter(request -> request.kind() == kind).map(FuzzRequest::operation).distinct())
                    .as("%s", kind).containsExactlyInAnyOrderElementsOf(document.operations());
        }
    }

    @Test
    void theSameSeedMakesTheSameRequestsAndAnotherMakesOthers() {
        List<String> texts = requests.stream().map(FuzzRequest::toString).toList();
        assertThat(requests(1).stream().map(FuzzRequest::toString)).containsExactlyElementsOf(texts);
        assertThat(requests(2).stream().map(FuzzRequest::toString).filter(texts::contains).count())
                .isLessThan(REQUESTS / 4);
    }

    @Test
    void aPatternIsSpoken() {
        for (String pattern : List.of("^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$", "^(a|b[^c-y]d?){2,}\\.\\d+$", "^x.*[\\w-]$",
                "^[A-Z]([a-z-]{0,5}[0-9])?$", "")) {
            for (Repetitions repetitions : Repetitions.values()) {
                assertThat(PatternText.of(pattern).text(new SplittableRandom(1), repetitions)).matches(pattern);
            }
        }
    }

    @Test
    void aPatternThatCannotBeSpokenIsRefused() {
        for (String pattern : List.of("^(?!x)", "\\p{L}", "a)", "(a", "[a")) {
            assertThatThrownBy(() -> PatternText.of(pattern)).as(pattern).isInstanceOf(IllegalArgumentException.class);
        }
    }
}
