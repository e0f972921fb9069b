package org.jobwitness.server.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How many tasks of an array wait together. */
class ArrayTasksTest {
    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "none", textBlock = """
            1-9%2          | 9
            0              | 1
            7,9,11-13      | 5
            0-10:5         | 3
            0-11:5,20%100  | 4
            0-4000000      | 4000001
            1-9,20,...     | none
            5-1            | none
            1-2-3          | none
            x              | none
            ''             | none
            none           | none
            """)
    void tasksAreCounted(String expression, Integer count) {
        assertThat(ArrayTasks.count(expression)).isEqualTo(count);
    }
}
