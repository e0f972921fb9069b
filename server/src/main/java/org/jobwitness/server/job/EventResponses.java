package org.jobwitness.server.job;

import java.util.stream.Collectors;
import org.jobwitness.wire.EventResponse;

/** What a sender of an event is told about the decision. */
final class EventResponses {
    private EventResponses() {
    }

    static EventResponse of(Decision.Taken decision, Run run) {
        String name = "run " + run.key() + " ";
        String jobId = run.identity().jobId();
        return switch (decision) {
            case Decision.Created _ -> new EventResponse(EventResponse.Status.CREATED, jobId,
                    name + "is new; it " + describe(run));
            case Decision.Accepted _ -> new EventResponse(EventResponse.Status.ACCEPTED, jobId,
                    name + "is new, known only by its end; it " + describe(run));
            case Decision.Updated _ -> new EventResponse(EventResponse.Status.UPDATED, jobId, name + describe(run));
            case Decision.Skipped skipped -> new EventResponse(EventResponse.Status.SKIPPED, jobId,
                    name + describe(run) + (skipped.noted().isEmpty()
                            ? "; nothing new"
                            : "; the audit trail notes other values of: "
                                    + skipped.noted().keySet().stream().sorted().collect(Collectors.joining(", "))));
        };
    }

    private static String describe(Run run) {
        Outcome outcome = run.outcome();
        return "is " + outcome.state() + (outcome.reason() == null ? "" : " (" + outcome.reason() + ")")
                + (Boolean.FALSE.equals(outcome.confirmed()) ? ", unconfirmed" : "");
    }
}
