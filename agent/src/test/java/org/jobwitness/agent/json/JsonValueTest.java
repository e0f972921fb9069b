package org.jobwitness.agent.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonValueTest {
    @Test
    void everyKindOfValueIsRead() throws Exception {
        JsonValue json = JsonValue.parse("""
                {"a": [1, -2.5e1, true, null, {}], "t": "\\u00e9\\n\\"\\\\ \\/", "o": {"o": {"n": 7}}}
                """);
        assertThat(json.at("a").orElseThrow().elements()).hasSize(5);
        assertThat(json.at("a").orElseThrow().elements().get(1)).isEqualTo(new JsonValue.NumberValue(-25));
        assertThat(json.textAt("t")).contains("é\n\"\\ /");
        assertThat(json.numberAt("o", "o", "n")).hasValue(7);
        assertThat(json.numberAt("o", "x", "n")).isEmpty();
        assertThat(json.textAt("o", "o", "n")).isEmpty();
        assertThat(json.elements()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "[1", "[1,]", "{\"a\"}", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "[1] 2", "01", "1e999",
            "\"\u0001\"", "\"\\x\"", "\"\\u12\"", "\"", "nul", "NaN", "{a:1}", "'a'", "[1 2]"})
    void whatIsNoJsonIsRefused(String text) {
        assertThatThrownBy(() -> JsonValue.parse(text)).isInstanceOf(JsonValue.MalformedJsonException.class);
    }

    @Test
    void whatIsTooDeepIsRefused() {
        assertThatThrownBy(() -> JsonValue.parse("[".repeat(100_000)))
                .isInstanceOf(JsonValue.MalformedJsonException.class)
                .hasMessageContaining("too deep");
    }
}
