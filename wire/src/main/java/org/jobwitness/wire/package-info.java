/**
 * What two of our programs say to each other: records and enums, nothing else. A record checks and copies what it is
 * given, so that one which exists is valid; how it becomes JSON is the business of whoever sends or receives it (names
 * become snake_case, enums their {@code toString()}). Depends on nothing, because the agent on a compute node carries it.
 */
@NullMarked
package org.jobwitness.wire;

import org.jspecify.annotations.NullMarked;
