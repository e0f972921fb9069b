package org.jobwitness.server;

import static org.assertj.core.api.Assertions.assertThat;

import org.jobwitness.server.testing.TestServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** The nodes, as the API tells of them. How they are kept is NodeTableTest's matter. */
class NodesTest {
    private static TestServer server;

    @BeforeAll
    static void start() {
        server = TestServer.start();
        for (String job : new String[]{"11", "12"}) {
            begin(job, "n[1-2]", "east");
        }
        begin("13", "n1", "west");
        server.post("/v1/events/job-finished", "{\"job_id\":\"12\",\"node\":\"n2\",\"cluster\":\"east\"}");
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static void begin(String job, String nodes, String cluster) {
        assertThat(server.post("/v1/events/job-started",
                "{\"job_id\":\"%s\",\"user\":\"alice\",\"node_list\":[\"%s\"],\"cluster\":\"%s\"}".formatted(job,
                        nodes, cluster))
                .status()).isEqualTo(200);
    }

    @Test
    void nodesThatOnlyJobsTellOfAreListedWithTheirJobsAndNothingElse() {
        assertThat(server.get("/v1/nodes").body()).isEqualTo("{\"nodes\":["
                + "{\"name\":\"n1\",\"cluster\":\"east\",\"jobs\":[\"11\"]},"
                + "{\"name\":\"n2\",\"cluster\":\"east\",\"jobs\":[\"11\"]},"
                + "{\"name\":\"n1\",\"cluster\":\"west\",\"jobs\":[\"13\"]}],\"total\":3,\"limit\":1000,\"offset\":0}");
    }

    @Test
    void aListIsPagedAndNarrowedToACluster() {
        JsonNode page = server.get("/v1/nodes?limit=1&offset=1").json();
        assertThat(page.required("nodes")).extracting(node -> node.required("name").asString()).containsExactly("n2");
        assertThat(page.required("total").asInt()).isEqualTo(3);
        assertThat(server.get("/v1/nodes?cluster=west").json().required("total").asInt()).isEqualTo(1);
    }

    @Test
    void aNodeOfTwoClustersNeedsItsCluster() {
        assertThat(server.get("/v1/nodes/n1").field()).isEqualTo("cluster");
        assertThat(server.get("/v1/nodes/n1?cluster=west").json().required("jobs").toString()).isEqualTo("[\"13\"]");
        assertThat(server.get("/v1/nodes/n2").json().required("cluster").asString()).isEqualTo("east");
        assertThat(server.get("/v1/nodes/n3").status()).isEqualTo(404);
        assertThat(server.get("/v1/nodes/%3Cscript%3E").status()).isEqualTo(404);
    }
}
