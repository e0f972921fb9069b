package org.jobwitness.server.query;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which tasks of an array wait together, and how many. */
class ArrayTasksTest {
    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "none", textBlock = """
            1-9%2              | 9
            0                  | 1
            7,9,11-13          | 5
            0-10:5             | 3
            0-11:5,20%100      | 4
            0-4000000          | 4000001
            1-9,20,...         | 10
            1-9,20-3...        | 9
            1-9,2...%4         | 9
            1234...            | 1
            0x3FC              | 8
            0x1                | 1
            0x0                | none
            0x                 | none
            5-1                | none
            1-2-3              | none
            1,,2               | none
            0-2147483647       | none
            x                  | none
            ''                 | none
            none               | none
            """)
    void tasksAreCounted(String expression, Long count) {
        assertThat(ArrayTasks.parse(expression).map(ArrayTasks::count).orElse(null)).isEqualTo(count);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "none", textBlock = """
            0-10:5,20%2  | 0 5 10 20 | 0-10:5,20%2
            1-3,7,9-1... | 1 2 3 7   | 1-3,7,9-1...
            0x3fc5       | 0 2 6 7 8 9 10 11 12 13 | 0,2,6-13
            """)
    void aTaskIsOneOfThemOrNot(String expression, String tasks, String text) {
        ArrayTasks all = ArrayTasks.parse(expression).orElseThrow();
        assertThat(IntStream.range(0, 30).filter(all::contains).mapToObj(String::valueOf)
                .collect(Collectors.joining(" "))).isEqualTo(tasks);
        assertThat(all.text()).isEqualTo(text);
    }

    @ParameterizedTest
    @CsvSource({"20000,5", "0,4"})
    void aLongListIsCutOff(int bits, int ofFour) {
        String hex = "0x" + String.valueOf(ofFour).repeat(Math.max(1000, bits));
        ArrayTasks all = ArrayTasks.parse(hex).orElseThrow();
        assertThat(all.isCut()).isTrue();
        assertThat(all.text()).hasSizeLessThanOrEqualTo(ArrayTasks.MAX_LENGTH).endsWith(",...");
        assertThat(all.count()).isBetween(50L, 100L);
    }
}
