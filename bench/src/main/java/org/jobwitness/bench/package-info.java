/**
 * Measures the server from outside, beside the least that the same work could cost: each figure is a ratio of two rates
 * taken by turns in one run, so that a noisy machine disturbs both alike. Started by {@code make bench}.
 */
@NullMarked
package org.jobwitness.bench;

import org.jspecify.annotations.NullMarked;
