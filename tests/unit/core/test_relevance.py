import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadr.core.relevance import mean_relevance, ndcg_at, recall_at, reciprocal_rank

RANKING = ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("relevant", "k", "expected"),
    [
        (["a"], 1, 1.0),
        (["b"], 1, 0.0),
        (["b", "e"], 4, 0.5),
        (["b", "e"], 5, 1.0),
        (["b", "x", "y"], 5, 1 / 3),
        (["x"], 5, 0.0),
    ],
)
def test_recall_is_the_share_of_relevant_items_found(relevant, k, expected):
    assert recall_at(RANKING, relevant, k) == pytest.approx(expected)


def test_ndcg_by_hand():
    # relevant at ranks 2 and 4: 1/log2(3) + 1/log2(5) = 0.63093 + 0.43068; ideal: 1 + 0.63093
    assert ndcg_at(RANKING, ["b", "d"], 5) == pytest.approx((0.6309298 + 0.4306766) / (1 + 0.6309298))
    # cut at 3, only rank 2 counts, but two could have been placed
    assert ndcg_at(RANKING, ["b", "d"], 3) == pytest.approx(0.6309298 / 1.6309298)
    # three are relevant and one place is looked at: the ideal has one place, too
    assert ndcg_at(RANKING, ["a", "b", "c"], 1) == pytest.approx(1.0)


def test_ndcg_does_not_pay_twice_for_one_item():
    assert ndcg_at(["a", "a"], ["a"], 2) == pytest.approx(1.0)
    assert ndcg_at(["a", "a"], ["a", "b"], 2) == pytest.approx(1 / (1 + 1 / math.log2(3)))


@pytest.mark.parametrize(("relevant", "expected"), [(["a"], 1.0), (["e", "c"], 1 / 3), (["x"], 0.0)])
def test_reciprocal_rank_is_that_of_the_first_relevant_item(relevant, expected):
    assert reciprocal_rank(RANKING, relevant) == pytest.approx(expected)


def test_means_weigh_every_query_the_same():
    result = mean_relevance(
        [(["a", "b"], ["a"]), (["a", "b"], ["b"]), ([], ["c"]), (["a", "b"], ["a", "b"])],
        recall_at_k=[1, 2],
        ndcg_at_k=[2],
    )
    assert result.queries == 4
    assert result.recall[1] == pytest.approx((1 + 0 + 0 + 0.5) / 4)
    assert result.recall[2] == pytest.approx((1 + 1 + 0 + 1) / 4)
    assert result.ndcg[2] == pytest.approx((1 + 1 / math.log2(3) + 0 + 1) / 4)
    assert result.mrr == pytest.approx((1 + 0.5 + 0 + 1) / 4)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ValueError, match="nothing is relevant"):
        recall_at(RANKING, [], 5)
    with pytest.raises(ValueError, match="at least 1"):
        ndcg_at(RANKING, ["a"], 0)
    with pytest.raises(ValueError, match="no queries"):
        mean_relevance([], recall_at_k=[5], ndcg_at_k=[10])


@given(
    st.permutations(range(8)),
    st.sets(st.integers(0, 11), min_size=1),
    st.integers(1, 12),
)
def test_measures_lie_between_0_and_1_and_moving_a_relevant_item_up_never_hurts(ranking, relevant, k):
    before = ndcg_at(ranking, relevant, k)
    assert 0 <= before <= 1 + 1e-12
    assert 0 <= recall_at(ranking, relevant, k) <= 1
    for rank in range(1, len(ranking)):
        if ranking[rank] in relevant and ranking[rank - 1] not in relevant:
            better = list(ranking)
            better[rank - 1], better[rank] = better[rank], better[rank - 1]
            assert ndcg_at(better, relevant, k) >= before - 1e-12
            assert recall_at(better, relevant, k) >= recall_at(ranking, relevant, k)
            assert reciprocal_rank(better, relevant) >= reciprocal_rank(ranking, relevant)
