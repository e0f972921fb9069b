/**
 * The messages between our programs: records and enums, nothing else. A record checks and copies its values, so that each
 * instance is valid; senders and receivers convert it to JSON (names become snake_case, enums their {@code toString()}). Has no
 * dependencies, because the agent on a compute node contains it.
 */
@NullMarked
package org.jobwitness.wire;

import org.jspecify.annotations.NullMarked;
