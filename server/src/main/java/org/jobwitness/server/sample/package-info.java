/**
 * What jobs used, moment by moment. {@code SampleStore} keeps the samples and the figures that they add up to, and reads
 * them back; a sample that comes twice counts once. Which runs there are, and how they ended, is the business of
 * {@code job}.
 */
@NullMarked
package org.jobwitness.server.sample;

import org.jspecify.annotations.NullMarked;
