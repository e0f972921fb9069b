/**
 * Measures the server from outside, compared with the minimum that the same work could cost: each figure is a ratio of two rates
 * measured alternately in one run, so that a noisy machine disturbs both alike. Started by {@code make bench}.
 */
@NullMarked
package org.jobwitness.bench;

import org.jspecify.annotations.NullMarked;
