package org.jobwitness.server.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import org.jobwitness.wire.InvalidFieldException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CpusPerNodeTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            4              | 4
            72(x3),36      | 72 72 72 36
            1(x2)          | 1 1
            4(x1)          | 4
            2,4(x2),1      | 2 4 4 1
            36,36          | 36 36
            """)
    void eachNodeHasItsCpusInTheOrderOfTheList(String expression, String cpus) {
        Integer[] expected = Arrays.stream(cpus.split(" ")).map(Integer::valueOf).toArray(Integer[]::new);

        assertThat(CpusPerNode.expand(expression, expected.length)).containsExactly(expected);
    }

    @Test
    void whatIsNotSaidIsNotKnown() {
        assertThat(CpusPerNode.expand(null, 3)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            72(x3)   | 2 | has more nodes than node_list, which has 2
            1,1,1    | 2 | has more nodes than node_list, which has 2
            72(x3)   | 4 | has 3 nodes, but node_list has 4
            4        | 2 | has 1 nodes, but node_list has 2
            """)
    void anotherNumberOfNodesThanTheListIsRefused(String expression, int nodes, String wrong) {
        assertRefused(expression, nodes, wrong);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            ""           | must look like
            ,            | must look like
            4,           | must look like
            -4           | must look like
            4.5          | must look like
            x            | must look like
            4x2          | must look like
            4(2)         | must look like
            4(x)         | must look like
            4(x2         | must look like
            4(x2))       | must look like
            4 (x2)       | must look like
            (x2)         | must look like
            ٤            | must look like
            1234567      | must look like
            4(x1234567)  | must look like
            """)
    void whatIsNoExpressionIsRefused(String expression, String wrong) {
        assertRefused(expression, 2, wrong);
    }

    @Test
    void anAbsurdRepetitionTakesNoMemory() {
        assertRefused("1(x999999)", 2, "has more nodes");
        assertRefused("1(x999999),".repeat(5_000) + "1", 65_536, "has more nodes");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            4        | 1
            72(x3)   | 3
            72(x3),4 | 4
            72(x3),  | 0
            """)
    void countsTheNodesThatItIsAbout(String expression, long nodes) {
        assertThat(CpusPerNode.countNodes(expression)).isEqualTo(nodes);
    }

    @Test
    void cpusOfOtherNodesAreKnownWhereAllNodesAreAlike() {
        assertThat(CpusPerNode.cpusOfOthers("72(x3)", 1)).isEqualTo(144);
        assertThat(CpusPerNode.cpusOfOthers("72(x3),4", 1)).isNull();
        assertThat(CpusPerNode.cpusOfOthers("999999(x999999)", 1)).isNull();
        assertThat(CpusPerNode.countNodes(null)).isZero();
        assertThat(CpusPerNode.cpusOfOthers(null, 1)).isNull();
    }

    private static void assertRefused(String expression, int nodes, String wrong) {
        assertThatThrownBy(() -> CpusPerNode.expand(expression, nodes)).isInstanceOf(InvalidFieldException.class)
                .hasMessageStartingWith("cpus_per_node ").hasMessageContaining(wrong);
    }
}
