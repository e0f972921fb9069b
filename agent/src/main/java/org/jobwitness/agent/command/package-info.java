/**
 * The commands for administrators: {@code check}, {@code release-gpus} and {@code take-gpus}.
 */
@NullMarked
package org.jobwitness.agent.command;

import org.jspecify.annotations.NullMarked;
