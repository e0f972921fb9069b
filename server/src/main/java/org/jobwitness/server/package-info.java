/**
 * The server's entry: {@code Server} wires all features in the order they depend on each other and stops them in
 * reverse; {@code ServerConfig} is the one home of every setting. Nothing below this package looks up at it.
 */
@NullMarked
package org.jobwitness.server;

import org.jspecify.annotations.NullMarked;
