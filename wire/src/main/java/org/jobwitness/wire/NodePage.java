package org.jobwitness.wire;

import java.util.List;

/**
 * A page of nodes, by cluster and name.
 *
 * @param total number of all nodes
 */
public record NodePage(List<Node> nodes, long total, int limit, int offset) {

    public NodePage {
        nodes = List.copyOf(nodes);
    }
}
