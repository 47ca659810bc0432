"""When a dead process is started again, and when no more."""

from gateway.local.restarts import RESTARTS_MAX, WINDOW_S, Restarts


def test_delays_of_who_never_gets_well_double_from_a_tenth_of_a_second_then_it_is_given_up() -> None:
    restarts = Restarts()
    delays = [restarts.after_death(now, was_well=False) for now in range(RESTARTS_MAX + 1)]
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, None]


def test_who_had_been_well_is_started_again_at_once_and_given_up_all_the_same() -> None:
    restarts = Restarts()
    delays = [restarts.after_death(now, was_well=True) for now in range(RESTARTS_MAX + 1)]
    assert delays == [0.1] * RESTARTS_MAX + [None]


def test_having_been_well_ends_the_doubling_and_not_the_count() -> None:
    restarts = Restarts()
    delays = [restarts.after_death(now, was_well=well) for now, well in enumerate((False, False, True, False, False))]
    assert delays == [0.1, 0.2, 0.1, 0.1, 0.2]
    assert restarts.after_death(5, was_well=True) is None


def test_deaths_older_than_the_window_are_forgotten() -> None:
    restarts = Restarts()
    for number in range(100):
        assert restarts.after_death(number * (WINDOW_S / RESTARTS_MAX + 1), was_well=False) is not None


def test_no_delay_is_longer_than_the_last() -> None:
    restarts = Restarts()
    # One death falls out of the window with each new one, so five stay in it.
    delays = [restarts.after_death(number * 12.5, was_well=False) for number in range(20)]
    assert delays[-1] == 1.6


def test_somebody_asking_for_another_try_begins_again() -> None:
    restarts = Restarts()
    while restarts.after_death(0.0, was_well=False) is not None:
        pass
    restarts.forget()
    assert restarts.after_death(0.0, was_well=False) == 0.1
