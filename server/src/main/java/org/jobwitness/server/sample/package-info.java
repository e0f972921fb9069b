/**
 * What jobs used, moment by moment. {@code SampleStore} takes samples in, with the figures that they add up to and the OOM
 * kills that they bring, and reads them back; {@code Tails} keeps them as rows until their hour is over, {@code Sealing} packs
 * them then. Charts, pages and exports of them are made here; {@code RunUse} reads what they add up to. Which runs there are, and how they ended, is the business of
 * {@code job}.
 */
@NullMarked
package org.jobwitness.server.sample;

import org.jspecify.annotations.NullMarked;
