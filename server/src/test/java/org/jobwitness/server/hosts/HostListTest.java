package org.jobwitness.server.hosts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jobwitness.wire.InvalidFieldException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HostListTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            n1                      | n1
            n1,n2                   | n1 n2
            node-1.cluster.example  | node-1.cluster.example
            n[1-3]                  | n1 n2 n3
            n[001-003]              | n001 n002 n003
            n[001-003,7]            | n001 n002 n003 n7
            n[7,001]                | n7 n001
            n[8-11]                 | n8 n9 n10 n11
            n[08-11]                | n08 n09 n10 n11
            n[98-101]               | n98 n99 n100 n101
            n[098-101]              | n098 n099 n100 n101
            n[5]                    | n5
            n[5-5]                  | n5
            n[0-1],gpu[1-2]         | n0 n1 gpu1 gpu2
            n[1,3],x,y[2]           | n1 n3 x y2
            n[1-3]-ib[0-1]          | n1-ib0 n1-ib1 n2-ib0 n2-ib1 n3-ib0 n3-ib1
            r[1-2]c[1-2]n[01-02]    | r1c1n01 r1c1n02 r2c1n01 r2c1n02 r1c2n01 r1c2n02 r2c2n01 r2c2n02
            a[1-2]b[1-2]c[1-2]d[1-2]| a1b1c1d1 a1b1c1d2 a2b1c1d1 a2b1c1d2 a1b2c1d1 a1b2c1d2 a2b2c1d1 a2b2c1d2 \
            a1b1c2d1 a1b1c2d2 a2b1c2d1 a2b1c2d2 a1b2c2d1 a1b2c2d2 a2b2c2d1 a2b2c2d2
            n1,                     | n1
            n[1-4],-n2              | n1 n3 n4
            n[1-4],-n[2-3],n9       | n1 n4 n9
            n[1-2],                 | n1 n2
            n[1-2][3-4]             | n13 n14 n23 n24
            [1-2]n                  | 1n 2n
            [10-11]                 | 10 11
            n[1-2].example          | n1.example n2.example
            n[2,1,2]                | n2 n1
            n1,n[1-2],n2            | n1 n2
            n[999999998-999999999]  | n999999998 n999999999
            n[4294967295-4294967296] | n4294967295 n4294967296
            n[1234567890123-1234567890124] | n1234567890123 n1234567890124
            n[0009999999999-10000000000] | n0009999999999 n0010000000000
            n1, n2                  | n1 n2
            n[1-2], x[3-4], -n1     | n2 x3 x4
            """)
    void anExpressionIsAllItsNames(String expression, String names) {
        assertThat(HostList.expand("node_list", List.of(expression))).containsExactly(names.split(" "));
    }

    @Test
    void severalExpressionsAreOneListInTheirOrder() {
        assertThat(HostList.expand("node_list", List.of("n[2-3]", "a", "n[1-2]"))).containsExactly("n2", "n3", "a",
                "n1");
        assertThat(HostList.expand("node_list", List.of())).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', ignoreLeadingAndTrailingWhitespace = true, textBlock = """
            n[1-3        | unbalanced brackets
            n1-3]        | unbalanced brackets
            n]1[         | unbalanced brackets
            n[1-2]]      | unbalanced brackets
            n[[1-2]]     | unbalanced brackets
            n[1-[2]]     | unbalanced brackets
            n[3-1]       | runs backwards: 3-1
            n[]          | has [] where a number
            n[,]         | has [] where a number
            n[1,]        | has [] where a number
            n[,1]        | has [] where a number
            n[1-]        | has [1-] where a number
            n[-1]        | has [-1] where a number
            n[1-2-3]     | has [1-2-3] where a number
            n[a-c]       | has [a-c] where a number
            n[1 -2]      | has [1 -2] where a number
            n[0x1-0x2]   | has [0x1-0x2] where a number
            n[٣]         | has [٣] where a number
            ,n1          | has an empty name
            n1,,n2       | has an empty name
            ,            | has an empty name
            n 1          | not a host's
            n1 ,n2       | not a host's
            -n1          | not a host's
            n1.          | not a host's
            n[1-2]-      | not a host's
            n/1          | not a host's
            ñ1           | not a host's
            """)
    void whatIsNoExpressionIsRefusedWithWhatIsWrong(String expression, String wrong) {
        assertRefused(expression, wrong);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "n1\nn2", "n1\0", "n[1\n-2]"})
    void emptyAndControlCharactersAreRefused(String expression) {
        assertRefused(expression, "node_list ");
    }

    @Test
    void asManyNamesAsSlurmTakesAreTaken() {
        List<String> names = HostList.expand("node_list", List.of("n[0-65535]"));

        assertThat(names).hasSize(65_536).startsWith("n0", "n1").endsWith("n65535");
        assertThat(HostList.expand("node_list", List.of("a[0-255]b[0-255]"))).hasSize(65_536);
        assertThat(HostList.expand("node_list", List.of("a[0-32767]", "b[0-32767]"))).hasSize(65_536);
    }

    @ParameterizedTest
    @ValueSource(strings = {"n[0-65536]", "n[0-99999]", "n[0-999999999]", "n[0-65535],x", "x,n[0-65535]",
            "a[0-255]b[0-256]", "n[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]"})
    void oneNameMoreIsRefused(String expression) {
        assertRefused(expression, "names more than 65536 hosts");
    }

    @Test
    void oneNameMoreIsRefusedAcrossExpressionsToo() {
        assertThatThrownBy(() -> HostList.expand("node_list", List.of("a[0-32767]", "b[0-32767]", "c")))
                .isInstanceOf(InvalidFieldException.class).hasMessageContaining("names more than 65536 hosts");
        assertThatThrownBy(() -> HostList.expand("node_list", Collections.nCopies(65_536, "n[0-65535]")))
                .isInstanceOf(InvalidFieldException.class).hasMessageContaining("names more than 65536 hosts");
    }

    /** Each names few hosts, or none that is left, with much work; before it was bounded, one of 779 bytes took 18 s. */
    @Test
    void shortListsThatMakeMuchWorkAreRefused() {
        for (String expression : List.of("n" + "[1-65000]".repeat(80), "n1" + ",n[1-65000],-n[1-65000]".repeat(30),
                "n[1-65000]" + ",-x[1-65000]".repeat(60))) {
            assertRefused(expression, "names more than 65536 hosts");
        }
    }

    @Test
    void manyNamesAreTakenOutOneByOneWithoutComparingAll() {
        String all = "n[1-30000]";
        String removed = IntStream.range(1, 30_000).mapToObj(n -> ",-n" + n).collect(Collectors.joining());
        assertThat(HostList.expand("node_list", List.of(all + removed))).containsExactly("n30000");
    }

    @Test
    void absurdNumbersAreRefusedAndNeitherWrapNorHang() {
        assertRefused("n[1-99999999999999999999]", "where a number");
        assertRefused("n[9223372036854775807-9223372036854775808]", "where a number");
        assertRefused("n[" + "0".repeat(10_000) + "1]", "where a number");
    }

    @Test
    void bracketsWithoutEndOverflowNoStack() {
        assertRefused("n" + "[1-1]".repeat(13_000), "longer than 255 characters");
        assertRefused("n" + "[1-2]".repeat(13_000), "longer than 255 characters");
        assertRefused("n" + "[".repeat(65_000), "unbalanced brackets");
        assertRefused("n" + "[1".repeat(30_000) + "]".repeat(30_000), "unbalanced brackets");
    }

    @Test
    void aNameIsAtMost255CharactersLong() {
        assertThat(HostList.expand("node_list", List.of("n".repeat(254) + "[1]"))).containsExactly(
                "n".repeat(254) + "1");
        assertRefused("n".repeat(255) + "[1]", "not a host's");
        assertRefused("n".repeat(65_000), "not a host's");
        assertRefused("n[1-2]" + "x".repeat(65_000), "not a host's");
    }

    @Test
    void aRefusalShowsAtMostTheBeginningOfALongExpression() {
        assertThatThrownBy(() -> HostList.expand("node_list", List.of("n".repeat(60_000) + "[")))
                .isInstanceOf(InvalidFieldException.class)
                .satisfies(e -> assertThat(String.valueOf(e.getMessage())).hasSizeLessThan(200));
    }

    private static void assertRefused(String expression, String wrong) {
        assertThatThrownBy(() -> HostList.expand("node_list", List.of(expression)))
                .isInstanceOf(InvalidFieldException.class).hasMessageStartingWith("node_list ")
                .hasMessageContaining(wrong)
                .satisfies(e -> assertThat(((InvalidFieldException) e).field()).isEqualTo("node_list"));
    }
}
