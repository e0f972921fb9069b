package org.jobwitness.server.demo;

import org.junit.jupiter.api.Tag;

/** The simulated cluster with all of its history. */
@Tag("long")
class DemoClusterWeekTest extends DemoClusterTest {
    @Override
    int days() {
        return 7;
    }
}
