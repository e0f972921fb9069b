/**
 * The entry point: {@code Server} creates all parts in the order of their dependencies and stops them in reverse;
 * {@code ServerConfig} and {@code Setting} have all settings. No other package depends on this one.
 */
@NullMarked
package org.jobwitness.server;

import org.jspecify.annotations.NullMarked;
