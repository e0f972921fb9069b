package org.jobwitness.agent.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
    @Test
    void everyKindOfValueIsRead() throws Exception {
        Json json = Json.of("""
                {"a": [1, -2.5e1, true, null, {}], "t": "\\u00e9\\n\\"\\\\ \\/", "o": {"o": {"n": 7}}}
                """);
        assertThat(json.at("a").orElseThrow().list()).hasSize(5);
        assertThat(json.at("a").orElseThrow().list().get(1)).isEqualTo(new Json.Quantity(-25));
        assertThat(json.textAt("t")).contains("é\n\"\\ /");
        assertThat(json.numberAt("o", "o", "n")).hasValue(7);
        assertThat(json.numberAt("o", "x", "n")).isEmpty();
        assertThat(json.textAt("o", "o", "n")).isEmpty();
        assertThat(json.list()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "[1", "[1,]", "{\"a\"}", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "[1] 2", "01", "1e999",
            "\"\u0001\"", "\"\\x\"", "\"\\u12\"", "\"", "nul", "NaN", "{a:1}", "'a'", "[1 2]"})
    void whatIsNoJsonIsRefused(String text) {
        assertThatThrownBy(() -> Json.of(text)).isInstanceOf(Json.BadJson.class);
    }

    @Test
    void whatIsTooDeepIsRefused() {
        assertThatThrownBy(() -> Json.of("[".repeat(100_000))).isInstanceOf(Json.BadJson.class)
                .hasMessageContaining("too deep");
    }
}
