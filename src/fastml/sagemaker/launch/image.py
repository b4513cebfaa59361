"""The image: pushed to the account's registry, once for each content, and found there."""

from __future__ import annotations

import shutil

from fastml import __version__
from fastml.errors import ConfigError
from fastml.sagemaker.launch.cloud import Cloud
from fastml.sagemaker.launch.engine import output_of
from fastml.sagemaker.launch.place import Place
from fastml.sagemaker.launch.plan import Plan, Step

__all__ = ["image_uri", "push_plan"]

_ENGINES = ("docker", "podman")


def image_uri(cloud: Cloud, place: Place) -> str:
    """Return the image of jobs: the one that is stated, else the last that was pushed.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if place.settings.image:
        return place.settings.image
    name = place.settings.repository
    known = cloud.find("ecr.describe_repositories", repositoryNames=[name])
    found = cloud.pages("ecr.describe_images", "imageDetails", repositoryName=name)
    # What has no tag may be a part of another, which runs nothing.
    images = [each for each in found if each.get("imageTags")] if known else []
    if not images:
        raise ConfigError(
            f"the registry of the account holds no image {name!r}; `make image` builds it, and "
            "`fastml sagemaker push` pushes it; or state [sagemaker] image"
        )
    last = max(images, key=lambda each: (each["imagePushedAt"], each["imageDigest"]))
    return f"{place.registry}/{name}@{last['imageDigest']}"


def push_plan(cloud: Cloud, place: Place, image: str, engine: str | None) -> Plan:
    """Return what brings a local image to the registry: a repository, a name, a login, a push.

    Raises
    ------
    ConfigError
        If there is no engine, or no such image.
    """
    engine = engine or next(filter(shutil.which, _ENGINES), None)
    if engine is None:
        raise ConfigError("neither docker nor podman is here; name the engine: --engine PROGRAM")
    name = place.settings.repository
    inspected = [engine, "image", "inspect", "--format", "{{.Id}}", image]
    content = output_of(inspected).strip().removeprefix("sha256:")[:12]
    tag = f"{__version__}-{content}".replace("+", "-")  # of a local version, which no tag has
    remote = f"{place.registry}/{name}:{tag}"
    names = {"image": remote}
    steps = []
    if cloud.find("ecr.describe_repositories", repositoryNames=[name]) is None:
        request = {
            "repositoryName": name,
            "imageScanningConfiguration": {"scanOnPush": True},
            "imageTagMutability": "IMMUTABLE",
            "tags": place.tags,
        }
        steps.append(Step("create", f"repository {name}", "ecr.create_repository", request))
    elif cloud.find("ecr.describe_images", repositoryName=name, imageIds=[{"imageTag": tag}]):
        return Plan((Step("keep", f"image {remote}"),), cloud, names=names)
    login = [engine, "login", "--username", "AWS", "--password-stdin", place.registry]
    commands = (login, [engine, "tag", image, remote], [engine, "push", remote])
    steps += [Step("run", " ".join(each), "engine", {"command": each}) for each in commands]
    return Plan(tuple(steps), cloud, names=names)
