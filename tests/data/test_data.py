"""Data sets: shapes, subsets, standardisation, files and their errors."""

import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf


def test_digits():
    x, y = gf.data.digits(samples=50, seed=3)
    assert x.shape == (50, 64) and y.shape == (50, 10)
    assert np.all(y.sum(axis=1) == 1)
    deviation = np.asarray(x).std(axis=0)
    assert np.all(np.isclose(deviation, 1) | (deviation == 0))
    again, labels = gf.data.digits(samples=50, seed=3, targets="labels")
    assert np.array_equal(again, x) and np.array_equal(np.argmax(y, 1), labels)
    other, _ = gf.data.digits(samples=50, seed=4)
    assert not np.array_equal(other, x)


def test_breast_cancer_and_diabetes():
    x, y = gf.data.breast_cancer()
    assert x.shape == (569, 30) and y.shape == (569,) and set(np.unique(y)) == {0, 1}
    assert jnp.issubdtype(y.dtype, jnp.integer)
    x, y = gf.data.diabetes()
    assert x.shape == (442, 10) and y.shape == (442, 1)
    np.testing.assert_allclose([np.mean(y), np.std(y)], [0, 1], atol=1e-12)
    with pytest.raises(gf.ProblemError, match="real targets"):
        gf.data.diabetes(targets="labels")
    with pytest.raises(gf.ProblemError, match="569 samples"):
        gf.data.breast_cancer(samples=1000)


def test_teacher_student():
    x, y = gf.data.teacher_student(5, samples=40, outputs=2, seed=1)
    assert x.shape == (40, 5) and y.shape == (40, 2)
    again = gf.data.teacher_student(5, samples=40, outputs=2, seed=1)
    assert np.array_equal(x, again[0]) and np.array_equal(y, again[1])
    noisy = gf.data.teacher_student(5, samples=40, outputs=2, seed=1, noise=0.1)[1]
    assert 0.05 < np.std(noisy - y) < 0.2


def test_archives(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, x=np.ones((3, 2)), label=np.arange(3), w=np.ones(3))
    x, y, w = gf.data.from_npz(path, targets="label", weights="w")
    assert (
        x.shape == (3, 2) and jnp.issubdtype(y.dtype, jnp.integer) and w.shape == (3,)
    )
    with pytest.raises(gf.ProblemError, match="no array 'labels' .*'label'"):
        gf.data.from_npz(path, targets="labels")
    np.savez(path, x=np.array([{}], dtype=object), y=np.ones(1))
    with pytest.raises(gf.ProblemError):
        gf.data.from_npz(path)


def test_tables(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,b,weight,y\n1,2,1,0\n3,4,2,1\n")
    x, y, w = gf.data.from_csv(path, weights="weight")
    assert np.array_equal(x, [[1, 2], [3, 4]]) and np.array_equal(y, [0, 1])
    assert np.array_equal(w, [1, 2])
    x, y = gf.data.from_csv(path, targets=["b", "a"])
    assert np.array_equal(y, [[2, 1], [4, 3]]) and x.shape == (2, 2)
    with pytest.raises(gf.ProblemError, match="'wieght' .did you mean 'weight'"):
        gf.data.from_csv(path, weights="wieght")


@pytest.mark.parametrize(
    "text, words",
    [
        ("a,y\n1,x\n", ":2: column 'y': wanted a number; got 'x'"),
        ("a,y\n1,2,3\n", ":2: 3 columns; wanted 2"),
        ("a,y\n", "no rows"),
        ("", "no rows"),
        ("y\n1\n", "leave no input"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path, text, words):
    path = tmp_path / "data.csv"
    path.write_text(text)
    with pytest.raises(gf.ProblemError, match=words):
        gf.data.from_csv(path)


def test_missing_files(tmp_path):
    with pytest.raises(gf.ProblemError, match="cannot be read"):
        gf.data.from_csv(tmp_path / "none.csv")
    with pytest.raises(gf.ProblemError):
        gf.data.from_npz(tmp_path / "none.npz")


def test_digits_in_other_shapes():
    flat, labels = gf.data.digits(samples=20, targets="labels")
    image, _ = gf.data.digits(samples=20, layout="image")
    rows, _ = gf.data.digits(samples=20, layout="rows")
    assert np.array_equal(image[:, 0], rows)
    assert np.array_equal(rows.reshape(20, 64), flat)
    before, after = gf.data.digits(samples=20, targets="next_row")
    assert np.array_equal(before, rows[:, :7]) and np.array_equal(after, rows[:, 1:])
    x, y = gf.data.digits(samples=20, targets="labels", batch=5)
    assert np.array_equal(x, flat.reshape(4, 5, 64))
    assert np.array_equal(y, labels.reshape(4, 5))
    with pytest.raises(gf.ProblemError, match="divides.* 20; got 3"):
        gf.data.digits(samples=20, batch=3)


def test_antiderivatives():
    """Against the trapezoidal rule, of a function known at many points."""
    x, y = gf.data.antiderivative(sensors=4001, samples=5, waves=3, seed=2)
    f, end = np.asarray(x[:, :-1]), np.asarray(x[:, -1])
    places = np.linspace(0, 1, 4001)
    for row, stop, value in zip(f, end, np.asarray(y)[:, 0]):
        fine = np.linspace(0, stop, 4001)
        expected = np.trapezoid(np.interp(fine, places, row), fine)
        np.testing.assert_allclose(value, expected, atol=1e-5)
    with pytest.raises(gf.ProblemError, match="waves is above 0; got 0"):
        gf.data.antiderivative(waves=0)


def test_text():
    x, y = gf.data.text(length=10)
    assert np.array_equal(x[:, 1:], y[:, :-1]) and np.array_equal(x[1:, 0], y[:-1, -1])
    assert np.min(x) >= 0 and np.max(x) == 27 and jnp.issubdtype(x.dtype, jnp.integer)
    words = "".join("abcdefghijklmnopqrstuvwxyz ."[i] for i in np.ravel(x))
    assert "optical recognition of handwritten digits" in words
    assert gf.data.text(length=10, samples=7)[0].shape == (7, 10)
    with pytest.raises(gf.ProblemError, match="sequences of 10 characters; 9999 were"):
        gf.data.text(length=10, samples=9999)
    with pytest.raises(gf.ProblemError, match="length is from 1"):
        gf.data.text(length=0)
